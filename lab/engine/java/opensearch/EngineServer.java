import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.opensearch.common.logging.LogConfigurator;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;

/**
 * One OpenSearch node, 1.x to 3.x. Arguments: home (lib, modules, plugins) and configuration folder (opensearch.yml).
 * OpenSearch's own main class is not used: it refuses to run as root and wants its Java agent on 3.x.
 */
public final class EngineServer {
    private EngineServer() {}

    public static void main(String[] args) throws Exception {
        Settings home = Settings.builder().put("path.home", args[0]).build();
        Lifecycle.serve(() -> {
            Environment environment =
                InternalSettingsPreparer.prepareEnvironment(home, Map.of(), Path.of(args[1]), () -> "node-1");
            LogConfigurator.registerErrorListener();
            LogConfigurator.configure(environment);
            Node node = new Node(environment);
            return new Lifecycle.EngineNode() {
                @Override
                public void start() throws Exception {
                    node.start();
                }

                @Override
                public void stop() throws Exception {
                    node.close();
                    node.awaitClose(20, TimeUnit.SECONDS);
                }
            };
        });
    }
}
