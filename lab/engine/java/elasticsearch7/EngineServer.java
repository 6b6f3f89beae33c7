import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;

/**
 * One Elasticsearch 7 node. Arguments: home (lib, modules, plugins) and configuration folder (elasticsearch.yml).
 * Elasticsearch's own main class is not used: it refuses to run as root.
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
