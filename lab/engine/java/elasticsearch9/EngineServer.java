import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.PluginsLoader;

/**
 * One Elasticsearch 9 node. Arguments: home (lib, modules, plugins) and configuration folder (elasticsearch.yml).
 * Elasticsearch's own main class is not used: it refuses to run as root.
 */
public final class EngineServer {
    private EngineServer() {}

    public static void main(String[] args) throws Exception {
        LogConfigurator.configureESLogging();
        Settings home = Settings.builder().put("path.home", args[0]).build();
        Lifecycle.serve(() -> {
            Environment environment =
                InternalSettingsPreparer.prepareEnvironment(home, Map.of(), Path.of(args[1]), () -> "node-1");
            LogConfigurator.configure(environment, true);
            Path root = Path.of(args[0]);
            PluginsLoader plugins = PluginsLoader.createPluginsLoader(
                PluginsLoader.loadModulesBundles(root.resolve("modules")),
                PluginsLoader.loadPluginsBundles(root.resolve("plugins")),
                Map.of()
            );
            Node node = new Node(environment, plugins);
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
