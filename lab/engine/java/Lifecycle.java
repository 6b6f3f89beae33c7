import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Runs one node until SIGTERM, or until the process that owns it is gone. Knows nothing about the engine. */
final class Lifecycle {
    /** A node of any engine. */
    interface EngineNode {
        void start() throws Exception;

        void stop() throws Exception;
    }

    /** Builds the node; may fail. */
    interface Builder {
        EngineNode build() throws Exception;
    }

    private static volatile boolean released;
    private static volatile boolean ownerGone;

    private Lifecycle() {}

    static void serve(Builder builder) throws Exception {
        FatalErrors.end();
        watchOwner();
        EngineNode node = builder.build();
        CountDownLatch stopped = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                node.stop();
            } catch (Exception e) {
                e.printStackTrace();
            } finally {
                if (ownerGone) removeFolder(System.getProperty("lab.temporary"));
                stopped.countDown();
            }
        }));
        node.start();
        stopped.await();
    }

    /**
     * The owner holds the other end of our stdin: end of file means that it is gone, even by kill -9. Its process is
     * watched too, because a child it forked may have inherited the pipe. A byte from the owner releases the engine,
     * which then runs until SIGTERM.
     */
    private static void watchOwner() {
        ProcessHandle.of(Long.getLong("lab.owner")).ifPresentOrElse(
            owner -> owner.onExit().thenRun(Lifecycle::ownerEnded), Lifecycle::ownerEnded
        );
        Thread watcher = new Thread(() -> {
            try {
                released = System.in.read() >= 0;
            } catch (IOException e) {
                // A broken pipe says the same as its end.
            }
            if (!released) leave();
        }, "owner-watcher");
        watcher.setDaemon(true);
        watcher.start();
    }

    private static void ownerEnded() {
        try {
            Thread.sleep(2_000);  // its last byte may still be in the pipe
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        if (!released) leave();
    }

    private static void leave() {
        ownerGone = true;
        // A node that cannot close must not keep the process alive.
        Thread last = new Thread(() -> {
            try {
                Thread.sleep(30_000);
            } catch (InterruptedException e) {
                return;
            }
            Runtime.getRuntime().halt(1);
        }, "owner-gone");
        last.setDaemon(true);
        last.start();
        System.exit(0);
    }

    /** A temporary node folder that nobody is left to remove. */
    private static void removeFolder(String folder) {
        if (folder == null) return;
        try (Stream<Path> walk = Files.walk(Path.of(folder))) {
            List<Path> deepestFirst = walk.sorted(Comparator.reverseOrder()).collect(Collectors.toList());
            for (Path path : deepestFirst) Files.delete(path);
        } catch (IOException e) {
            e.printStackTrace();
        }
    }
}
