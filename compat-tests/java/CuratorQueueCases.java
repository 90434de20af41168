import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.queue.DistributedDelayQueue;
import org.apache.curator.framework.recipes.queue.DistributedIdQueue;
import org.apache.curator.framework.recipes.queue.DistributedPriorityQueue;
import org.apache.curator.framework.recipes.queue.DistributedQueue;
import org.apache.curator.framework.recipes.queue.ErrorMode;
import org.apache.curator.framework.recipes.queue.QueueBuilder;
import org.apache.curator.framework.recipes.queue.QueueConsumer;
import org.apache.curator.framework.recipes.queue.QueueSerializer;
import org.apache.curator.framework.recipes.queue.SimpleDistributedQueue;
import org.apache.curator.framework.state.ConnectionState;

/** Curator's queues. */
final class CuratorQueueCases {
  private static final int SOON_MS = 8_000;

  private CuratorQueueCases() {}

  @Case(proves = {"C4", "CP-5.2"}, seconds = 30)
  static void queueDeliversInTheOrderOfPuts(CaseContext context) throws Exception {
    Consumer consumer = new Consumer();
    DistributedQueue<String> in =
        started(builder(context, null).putInBackground(false).buildQueue(), context);
    List<String> expected = new ArrayList<>();
    for (int i = 0; i < 60; i++) {
      in.put("item " + i);
      expected.add("item " + i);
    }
    started(builder(context, consumer).buildQueue(), context);
    Checks.checkEquals("delivered", expected, consumer.take(60));
  }

  @Case(proves = {"C4"}, seconds = 30)
  static void safeQueueDeliversAgainWhatItsConsumerFailedOn(CaseContext context) throws Exception {
    AtomicInteger failures = new AtomicInteger(2);
    Consumer consumer = new Consumer() {
      @Override
      public void consumeMessage(String message) throws Exception {
        if (message.equals("hard") && failures.getAndDecrement() > 0) {
          throw new Exception("consumer fails on purpose");
        }
        super.consumeMessage(message);
      }
    };
    DistributedQueue<String> queue =
        started(builder(context, consumer).lockPath(context.path("locks")).buildQueue(), context);
    queue.setErrorMode(ErrorMode.REQUEUE);
    queue.put("easy");
    queue.put("hard");
    Checks.checkEquals(
        "delivered", new TreeSet<>(List.of("easy", "hard")), new TreeSet<>(consumer.take(2)));
    Checks.check(failures.get() < 0, "the consumer did not fail");
  }

  @Case(proves = {"C4"}, seconds = 30)
  static void consumersOfOneQueueShareItsItems(CaseContext context) throws Exception {
    Consumer shared = new Consumer();
    for (int i = 0; i < 3; i++) {
      started(builder(context, shared).lockPath(context.path("locks")).buildQueue(), context);
    }
    DistributedQueue<String> in =
        started(builder(context, null).putInBackground(false).buildQueue(), context);
    List<String> expected = new ArrayList<>();
    for (int i = 100; i < 140; i++) {
      in.put("item " + i);
      expected.add("item " + i);
    }
    List<String> delivered = new ArrayList<>(shared.take(40));
    Collections.sort(delivered);
    Checks.checkEquals("delivered once each", expected, delivered);
    CuratorFramework client = context.curator();
    Checks.eventually("the queue is empty", SOON_MS,
        () -> client.getChildren().forPath(context.path("queue")).isEmpty());
    shared.expectNothingMore();
  }

  @Case(proves = {"C4"}, seconds = 30)
  static void idQueueForgetsTheRemovedItem(CaseContext context) throws Exception {
    Consumer consumer = new Consumer();
    DistributedIdQueue<String> in = builder(context, null).putInBackground(false).buildIdQueue();
    context.closeLater(in);
    in.start();
    in.put("one", "id-1");
    in.put("two", "id-2");
    in.put("three", "id-3");
    Checks.checkEquals("removed", 1, in.remove("id-2"));
    Checks.checkEquals("removed again", 0, in.remove("id-2"));
    DistributedIdQueue<String> out = builder(context, consumer).buildIdQueue();
    context.closeLater(out);
    out.start();
    Checks.checkEquals("delivered", List.of("one", "three"), consumer.take(2));
  }

  @Case(proves = {"C4"}, seconds = 30)
  static void priorityQueueDeliversTheUrgentFirst(CaseContext context) throws Exception {
    Consumer consumer = new Consumer();
    DistributedPriorityQueue<String> in =
        builder(context, null).putInBackground(false).buildPriorityQueue(0);
    context.closeLater(in);
    in.start();
    in.put("low", 50);
    in.put("urgent", -3);
    in.put("middle", 7);
    in.put("middle, later", 7);
    DistributedPriorityQueue<String> out = builder(context, consumer).buildPriorityQueue(0);
    context.closeLater(out);
    out.start();
    Checks.checkEquals(
        "delivered", List.of("urgent", "middle", "middle, later", "low"), consumer.take(4));
  }

  @Case(proves = {"C4"}, seconds = 30)
  static void delayQueueDeliversWhenTheTimeHasCome(CaseContext context) throws Exception {
    Consumer consumer = new Consumer();
    DistributedDelayQueue<String> queue = builder(context, consumer).buildDelayQueue();
    context.closeLater(queue);
    queue.start();
    long start = System.currentTimeMillis();
    queue.put("later", start + 1_200);
    queue.put("sooner", start + 600);
    Checks.checkEquals("first", List.of("sooner"), consumer.take(1));
    Checks.check(System.currentTimeMillis() >= start + 600, "delivered before its time");
    Checks.checkEquals("second", List.of("later"), consumer.take(1));
    Checks.check(System.currentTimeMillis() >= start + 1_200, "delivered before its time");
  }

  @Case(proves = {"C4"})
  static void simpleQueueOffersPeeksPollsAndTakes(CaseContext context) throws Exception {
    SimpleDistributedQueue queue =
        new SimpleDistributedQueue(context.curator(), context.path("simple"));
    SimpleDistributedQueue other =
        new SimpleDistributedQueue(context.curator(), context.path("simple"));
    Checks.check(queue.poll() == null, "something in an empty queue");
    Checks.check(queue.poll(100, TimeUnit.MILLISECONDS) == null, "something in an empty queue");
    Future<byte[]> taken = new Workers(context).start(other::take);
    queue.offer(CaseContext.bytes("a"));
    Checks.checkEquals("taken", "a", CaseContext.text(taken.get()));
    queue.offer(CaseContext.bytes("b"));
    queue.offer(CaseContext.bytes("c"));
    Checks.checkEquals("peek", "b", CaseContext.text(other.peek()));
    Checks.checkEquals("element", "b", CaseContext.text(other.element()));
    Checks.checkEquals("remove", "b", CaseContext.text(queue.remove()));
    Checks.checkEquals("poll", "c", CaseContext.text(other.poll(SOON_MS, TimeUnit.MILLISECONDS)));
    Checks.check(queue.peek() == null, "the queue is not empty");
  }

  private static QueueBuilder<String> builder(CaseContext context, Consumer consumer)
      throws Exception {
    return QueueBuilder.builder(
        context.curator(), consumer, new TextSerializer(), context.path("queue"));
  }

  private static DistributedQueue<String> started(
      DistributedQueue<String> queue, CaseContext context) throws Exception {
    context.closeLater(queue);
    queue.start();
    return queue;
  }

  /** Keeps what it is given, in order. */
  private static class Consumer implements QueueConsumer<String> {
    private final BlockingQueue<String> messages = new LinkedBlockingQueue<>();

    @Override
    public void consumeMessage(String message) throws Exception {
      messages.add(message);
    }

    @Override
    public void stateChanged(CuratorFramework client, ConnectionState state) {}

    List<String> take(int number) throws InterruptedException {
      String[] taken = new String[number];
      for (int i = 0; i < number; i++) {
        taken[i] = messages.poll(SOON_MS, TimeUnit.MILLISECONDS);
        Checks.check(
            taken[i] != null, "only " + i + " of " + number + ": " + Arrays.toString(taken));
      }
      return List.of(taken);
    }

    void expectNothingMore() {
      Checks.check(messages.isEmpty(), "delivered twice: " + messages);
    }
  }

  private static final class TextSerializer implements QueueSerializer<String> {
    @Override
    public byte[] serialize(String item) {
      return CaseContext.bytes(item);
    }

    @Override
    public String deserialize(byte[] bytes) {
      return CaseContext.text(bytes);
    }
  }
}
