import java.io.IOError;

/**
 * Ends the process when a thread dies of a fatal error, as the engines' own main classes do: a node that has run out of
 * stack or heap must not go on. The exit codes are the engines' (OpenSearchUncaughtExceptionHandler and
 * ElasticsearchUncaughtExceptionHandler): 128 InternalError, 127 OutOfMemoryError, 126 StackOverflowError,
 * 125 UnknownError, 124 IOError, 1 any other Error.
 */
final class FatalErrors implements Thread.UncaughtExceptionHandler {
    private FatalErrors() {}

    /** Watch every thread, those of the engine too: it rethrows fatal errors it has caught on a thread of their own. */
    static void end() {
        Thread.setDefaultUncaughtExceptionHandler(new FatalErrors());
    }

    @Override
    public void uncaughtException(Thread thread, Throwable thrown) {
        try {
            String what = thrown instanceof Error ? "fatal error" : "uncaught exception";
            System.err.println(what + " in thread [" + thread.getName() + "]");
            thrown.printStackTrace();
        } finally {
            // No shutdown hook: the engine must not go on to write.
            if (thrown instanceof Error) Runtime.getRuntime().halt(exitCode((Error) thrown));
        }
    }

    private static int exitCode(Error error) {
        if (error instanceof InternalError) return 128;
        if (error instanceof OutOfMemoryError) return 127;
        if (error instanceof StackOverflowError) return 126;
        if (error instanceof UnknownError) return 125;
        if (error instanceof IOError) return 124;
        return 1;
    }
}
