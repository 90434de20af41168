import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;

/**
 * Runs cases of unchanged Java clients against a server and prints one line for each:
 * {@code PASS Class.case ms} or {@code FAIL Class.case ms: reason}.
 *
 * <pre>
 *   Driver [--control] host:port [part...]   runs the cases whose "Class.case" contains one of the
 * parts Driver --list                            prints the names of all cases
 * </pre>
 *
 * <p>With {@code --control}, a case may print {@code CONTROL restart-server} and then waits for the
 * line
 * {@code done} on standard input. Exit code: 0 all passed, 1 some failed, 2 wrong usage.
 */
public final class Driver {
  private static final List<Class<?>> AREAS = List.of(JavaNodeCases.class, JavaAccessCases.class,
      JavaWatchCases.class, JavaSessionCases.class, CuratorLockCases.class,
      CuratorElectionCases.class, CuratorCoordinationCases.class, CuratorQueueCases.class,
      CuratorCacheCases.class, CuratorNodeCases.class);

  /** How long the clients of a finished case may take to close. */
  private static final long CLOSE_PATIENCE_MS = 8_000;

  private final String hostPort;
  private final PrintStream out;
  private final BufferedReader in;

  private Driver(String hostPort, PrintStream out, BufferedReader in) {
    this.hostPort = hostPort;
    this.out = out;
    this.in = in;
  }

  public static void main(String[] arguments) throws Exception {
    List<String> words = new ArrayList<>(Arrays.asList(arguments));
    if (words.remove("--list")) {
      allCases().forEach(method -> System.out.println(nameOf(method)));
      return;
    }
    boolean control = words.remove("--control");
    if (words.isEmpty()) {
      System.err.println("usage: Driver [--control] host:port [part...] | Driver --list");
      System.exit(2);
    }
    List<String> parts = words.size() > 1 ? words.subList(1, words.size()) : List.of("");
    Driver driver = new Driver(words.get(0), System.out,
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8)));
    boolean passed = true;
    for (Method method : allCases()) {
      boolean possible = control || !method.getAnnotation(Case.class).needsServerControl();
      if (possible && parts.stream().anyMatch(nameOf(method)::contains)) {
        passed &= driver.run(method);
      }
    }
    // Threads of cases that hang must not keep the driver alive.
    System.exit(passed ? 0 : 1);
  }

  private static List<Method> allCases() {
    return AREAS.stream()
        .flatMap(area -> Arrays.stream(area.getDeclaredMethods()))
        .filter(method -> method.isAnnotationPresent(Case.class))
        // The order of getDeclaredMethods differs between runs.
        .sorted(Comparator.comparing(Driver::nameOf))
        .collect(Collectors.toList());
  }

  private static String nameOf(Method method) {
    return method.getDeclaringClass().getSimpleName() + "." + method.getName();
  }

  private boolean run(Method method) {
    long start = System.nanoTime();
    String reason = reasonOfFailure(method);
    long elapsedMs = (System.nanoTime() - start) / 1_000_000;
    String name = nameOf(method);
    out.println(reason == null
            ? "PASS " + name + " " + elapsedMs
            : "FAIL " + name + " " + elapsedMs + ": " + reason.replace("\n", " | "));
    out.flush();
    return reason == null;
  }

  /** Null if the case passed within its deadline. */
  private String reasonOfFailure(Method method) {
    long deadlineMs = method.getAnnotation(Case.class).seconds() * 1_000L;
    AtomicReference<Throwable> thrown = new AtomicReference<>();
    AtomicReference<CaseContext> context = new AtomicReference<>();
    Thread body = startThread(nameOf(method), () -> {
      try {
        String root = "/" + nameOf(method) + "-" + Long.toHexString(System.nanoTime());
        context.set(new CaseContext(hostPort, root, out, in));
        method.setAccessible(true);
        method.invoke(null, context.get());
      } catch (InvocationTargetException wrapper) {
        thrown.set(wrapper.getCause());
      } catch (Throwable error) {
        thrown.set(error);
      }
    });
    String hung = stackIfNotDoneAfter(body, deadlineMs);
    body.interrupt();
    String leak = context.get() == null ? null : close(context.get());
    if (hung != null) {
      return "not done after " + deadlineMs + " ms, at " + hung;
    }
    return thrown.get() != null ? describe(thrown.get()) : leak;
  }

  private static String close(CaseContext context) {
    AtomicReference<Throwable> thrown = new AtomicReference<>();
    Thread closer = startThread("close", () -> {
      try {
        context.close();
      } catch (Throwable error) {
        thrown.set(error);
      }
    });
    String hung = stackIfNotDoneAfter(closer, CLOSE_PATIENCE_MS);
    if (hung != null) {
      return "clients not closed after " + CLOSE_PATIENCE_MS + " ms, at " + hung;
    }
    return thrown.get() == null ? null : "while closing: " + describe(thrown.get());
  }

  /** Waits for {@code thread}; null if it ended in time, else where it stands. */
  private static String stackIfNotDoneAfter(Thread thread, long timeoutMs) {
    try {
      thread.join(timeoutMs);
    } catch (InterruptedException unexpected) {
      throw new IllegalStateException(unexpected);
    }
    if (!thread.isAlive()) {
      return null;
    }
    return Arrays.stream(thread.getStackTrace())
        .limit(12)
        .map(StackTraceElement::toString)
        .collect(Collectors.joining(" < "));
  }

  private static String describe(Throwable error) {
    String where = Arrays.stream(error.getStackTrace())
                       .filter(frame -> frame.getClassName().matches("(Java|Curator)\\w+Cases.*"))
                       .map(frame -> frame.getFileName() + ":" + frame.getLineNumber())
                       .findFirst()
                       .orElse("?");
    return error + " (" + where + ")";
  }

  private static Thread startThread(String name, Runnable body) {
    Thread thread = new Thread(body, name);
    thread.setDaemon(true);
    thread.start();
    return thread;
  }
}
