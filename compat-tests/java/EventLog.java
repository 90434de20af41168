import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.zookeeper.WatchedEvent;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.ZooKeeper;

/**
 * A watcher that keeps the node events it got, in order; changes of the connection state are left
 * out.
 *
 * <p>Filled by the client's event thread, read by the case's thread.
 */
final class EventLog implements Watcher {
  private static final long PATIENCE_MS = 5_000;

  private final BlockingQueue<WatchedEvent> events = new LinkedBlockingQueue<>();

  @Override
  public void process(WatchedEvent event) {
    if (event.getType() != Event.EventType.None) {
      events.add(event);
    }
  }

  /** The next event; waits for it. */
  WatchedEvent next() throws InterruptedException {
    WatchedEvent event = events.poll(PATIENCE_MS, TimeUnit.MILLISECONDS);
    Checks.check(event != null, "no event within " + PATIENCE_MS + " ms");
    return event;
  }

  /** The next event must be this one; waits for it. */
  void expect(Event.EventType type, String path) throws InterruptedException {
    WatchedEvent event = events.poll(PATIENCE_MS, TimeUnit.MILLISECONDS);
    String actual = event == null ? "nothing" : event.getType() + " " + event.getPath();
    Checks.checkEquals("event within " + PATIENCE_MS + " ms", type + " " + path, actual);
  }

  /**
   * Nothing more has been sent on {@code client}'s connection so far. Not a guess after a pause:
   * the answer to a request follows all earlier events on the connection, and the client's event
   * thread keeps that order.
   */
  void expectNothingMore(ZooKeeper client) throws InterruptedException {
    CountDownLatch answered = new CountDownLatch(1);
    client.exists("/", false, (code, path, context, stat) -> answered.countDown(), null);
    Checks.check(answered.await(PATIENCE_MS, TimeUnit.MILLISECONDS), "no answer to exists(/)");
    Checks.check(events.isEmpty(), "unexpected event " + events.peek());
  }
}
