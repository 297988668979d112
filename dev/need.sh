#!/bin/sh
# Says in one line what this machine lacks for `make demo`, `make pictures`, `make test` and `make bench`; silent when nothing does.
# usage: dev/need.sh [goals of make]; only `test` and `pictures` need a browser, which is fetched by apt-get when there is none.
missing=''
has() { for command; do command -v "$command" >/dev/null 2>&1 && return; done; return 1; }
lacks() { missing="$missing${missing:+; }$1"; }

node -e 'process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)' 2>/dev/null || lacks 'Node.js 20 or newer'
command -v npm >/dev/null 2>&1 || lacks 'npm'
java --list-modules 2>/dev/null | grep -q '^jdk.compiler@\(1[7-9]\|[2-9][0-9]\)' || lacks 'a JDK 17 or newer (a JRE does not do)'
command -v mvn >/dev/null 2>&1 || lacks 'Maven (mvn)'
python3 -m pip --version >/dev/null 2>&1 || lacks 'Python 3 with pip (python3 -m pip)'
browsers='chromium chromium-browser google-chrome google-chrome-stable'
case " $* " in
  *' test '*|*' pictures '*) [ -n "$CHROMIUM_PATH" ] || has $browsers apt-get || lacks 'Chromium (or CHROMIUM_PATH, which names one)' ;;
esac

[ -z "$missing" ] && exit 0
echo "Please install what is missing here: $missing." >&2
exit 1
