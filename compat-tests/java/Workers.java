import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Threads of one case: started together, ended with the case, their failures reported as the
 * case's.
 */
final class Workers {
  private static final AtomicInteger SERIAL = new AtomicInteger();

  private final ExecutorService pool;
  private final List<Future<?>> started = new ArrayList<>();

  Workers(CaseContext context) {
    pool = Executors.newCachedThreadPool(body -> {
      Thread thread = new Thread(body, "worker-" + SERIAL.incrementAndGet());
      thread.setDaemon(true);
      return thread;
    });
    context.closeLater(pool::shutdownNow);
  }

  <T> Future<T> start(Callable<T> body) {
    Future<T> future = pool.submit(body);
    started.add(future);
    return future;
  }

  /** As {@link #start}, for a body without a result. */
  Future<Object> run(Checks.Action body) {
    return start(() -> {
      body.run();
      return null;
    });
  }

  /** Waits for all; throws what the first one that failed has thrown. */
  void join() throws Exception {
    for (Future<?> future : started) {
      try {
        future.get();
      } catch (ExecutionException failed) {
        if (failed.getCause() instanceof Error) {
          throw(Error) failed.getCause();
        }
        throw(Exception) failed.getCause();
      }
    }
  }
}
