import jakarta.servlet.Filter;
import java.util.List;
import java.util.concurrent.Executors;
import org.apache.catalina.connector.Connector;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnExpression;
import org.springframework.boot.autoconfigure.condition.ConditionalOnProperty;
import org.springframework.boot.web.embedded.tomcat.TomcatServletWebServerFactory;
import org.springframework.boot.web.server.WebServerFactoryCustomizer;
import org.springframework.boot.web.servlet.FilterRegistrationBean;
import org.springframework.context.annotation.Bean;

/** An engine with REST API and web applications for tests and the demo; runs from this source with the jars of either product. */
@SpringBootConfiguration(proxyBeanMethods = false)
@EnableAutoConfiguration
public class Engine {
  private static final List<String> PRODUCTS = List.of("org.camunda.bpm", "org.operaton.bpm");
  private static final int SECOND_PORT_THREADS = 40;

  public static void main(String[] args) {
    SpringApplication.run(Engine.class, args);
  }

  @Bean
  @ConditionalOnProperty(name = "engine.rest-auth", havingValue = "basic")
  FilterRegistrationBean<Filter> basicAuthentication() throws ReflectiveOperationException {
    String rest = PRODUCTS.stream().map(product -> product + ".engine.rest.security.auth").filter(Engine::isPresent).findFirst()
        .orElseThrow(() -> new IllegalStateException("the engine has no REST API"));
    Filter filter = (Filter) Class.forName(rest + ".ProcessEngineAuthenticationFilter").getDeclaredConstructor().newInstance();
    FilterRegistrationBean<Filter> registration = new FilterRegistrationBean<>(filter);
    registration.addInitParameter("authentication-provider", rest + ".impl.HttpBasicAuthenticationProvider");
    registration.addUrlPatterns("/engine-rest/*");
    registration.setAsyncSupported(true);
    return registration;
  }

  private static boolean isPresent(String restPackage) {
    try {
      Class.forName(restPackage + ".ProcessEngineAuthenticationFilter");
      return true;
    } catch (ClassNotFoundException absent) {
      return false;
    }
  }

  /** The same on a second port with threads of its own, `second-port`: so what is asked for there can be told from the rest. */
  @Bean
  @ConditionalOnExpression("${engine.second-port} > 0")
  WebServerFactoryCustomizer<TomcatServletWebServerFactory> secondPort(
      @Value("${server.address}") String address, @Value("${engine.second-port}") int port) {
    return factory -> {
      Connector connector = new Connector();
      connector.setProperty("address", address);
      connector.setPort(port);
      connector.getProtocolHandler().setExecutor(Executors.newFixedThreadPool(SECOND_PORT_THREADS, work -> new Thread(work, "second-port")));
      factory.addAdditionalTomcatConnectors(connector);
    };
  }

  /** `${slow.sleep(20000)}` in a BPMN expression keeps the transaction open for that long. */
  @Bean
  public Slow slow() {
    return new Slow();
  }

  public static class Slow {
    public boolean sleep(long ms) throws InterruptedException {
      Thread.sleep(ms);
      return true;
    }
  }
}
