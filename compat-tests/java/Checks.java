import java.util.Objects;
import java.util.concurrent.Callable;
import org.apache.zookeeper.KeeperException;

/**
 * Assertions that the cases share. Each failure is an AssertionError that says what was expected.
 */
final class Checks {
  private static final long POLL_INTERVAL_MS = 10;

  private Checks() {}

  /** Something that may throw; only its end matters. */
  interface Action {
    void run() throws Exception;
  }

  static void check(boolean condition, String otherwise) {
    if (!condition) {
      throw new AssertionError(otherwise);
    }
  }

  static void checkEquals(String what, Object expected, Object actual) {
    check(Objects.equals(expected, actual),
        what + ": expected <" + expected + "> but was <" + actual + ">");
  }

  /** Runs {@code action}, which must fail with exactly this error of the server. */
  static void checkFails(KeeperException.Code expected, String what, Action action)
      throws Exception {
    try {
      action.run();
    } catch (KeeperException error) {
      checkEquals(what, expected, error.code());
      return;
    }
    throw new AssertionError(what + ": expected " + expected + " but it succeeded");
  }

  /**
   * Polls until {@code condition} holds; fails after {@code timeoutMs}, with {@code what} in the
   * reason.
   */
  static void eventually(String what, long timeoutMs, Callable<Boolean> condition)
      throws Exception {
    long deadline = System.nanoTime() + timeoutMs * 1_000_000L;
    while (!condition.call()) {
      check(System.nanoTime() < deadline, "not within " + timeoutMs + " ms: " + what);
      Thread.sleep(POLL_INTERVAL_MS);
    }
  }
}
