import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.atomic.AtomicValue;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicInteger;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicLong;
import org.apache.curator.framework.recipes.atomic.PromotedToLock;
import org.apache.curator.framework.recipes.barriers.DistributedBarrier;
import org.apache.curator.framework.recipes.barriers.DistributedDoubleBarrier;
import org.apache.curator.framework.recipes.shared.SharedCount;
import org.apache.curator.framework.recipes.shared.SharedCountListener;
import org.apache.curator.framework.recipes.shared.SharedCountReader;
import org.apache.curator.framework.recipes.shared.SharedValue;
import org.apache.curator.framework.recipes.shared.VersionedValue;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.curator.retry.RetryNTimes;

/** Curator's barriers, shared values and counters. */
final class CuratorCoordinationCases {
  private static final int SOON_MS = 8_000;

  private CuratorCoordinationCases() {}

  @Case(proves = {"C1"})
  static void barrierHoldsEverybodyUntilItIsRemoved(CaseContext context) throws Exception {
    String path = context.path("barrier");
    DistributedBarrier setter = new DistributedBarrier(context.curator(), path);
    setter.setBarrier();
    Workers workers = new Workers(context);
    CountDownLatch passed = new CountDownLatch(3);
    for (int i = 0; i < 3; i++) {
      DistributedBarrier waiter = new DistributedBarrier(context.curator(), path);
      Checks.check(
          !waiter.waitOnBarrier(100, TimeUnit.MILLISECONDS), "passed a barrier that stands");
      workers.run(() -> {
        waiter.waitOnBarrier();
        passed.countDown();
      });
    }
    Checks.checkEquals("waiting", 3L, passed.getCount());
    setter.removeBarrier();
    workers.join();
  }

  @Case(proves = {"C1"}, seconds = 30)
  static void doubleBarrierLetsAllInAndAllOutTogether(CaseContext context) throws Exception {
    int members = 4;
    String path = context.path("barrier");
    Workers workers = new Workers(context);
    AtomicInteger arrived = new AtomicInteger();
    AtomicInteger leaving = new AtomicInteger();
    for (int i = 0; i < members; i++) {
      int delayMs = 50 * i;
      DistributedDoubleBarrier barrier =
          new DistributedDoubleBarrier(context.curator(), path, members);
      workers.run(() -> {
        Thread.sleep(delayMs);
        arrived.incrementAndGet();
        Checks.check(barrier.enter(SOON_MS, TimeUnit.MILLISECONDS), "not let in");
        Checks.checkEquals("arrived before anybody was let in", members, arrived.get());
        Thread.sleep(delayMs);
        leaving.incrementAndGet();
        Checks.check(barrier.leave(SOON_MS, TimeUnit.MILLISECONDS), "not let out");
        Checks.checkEquals("leaving before anybody was let out", members, leaving.get());
      });
    }
    workers.join();
  }

  @Case(proves = {"C3", "C5"})
  static void sharedCountTellsEverybodyAndRefusesAStaleVersion(CaseContext context)
      throws Exception {
    SharedCount mine = startedCount(context, context.curator());
    SharedCount theirs = startedCount(context, context.curator());
    BlockingQueue<Integer> heard = new LinkedBlockingQueue<>();
    theirs.addListener(new SharedCountListener() {
      @Override
      public void countHasChanged(SharedCountReader count, int value) {
        heard.add(value);
      }

      @Override
      public void stateChanged(CuratorFramework client, ConnectionState state) {}
    });
    Checks.checkEquals("seed", 7, theirs.getCount());
    VersionedValue<Integer> stale = theirs.getVersionedValue();
    mine.setCount(8);
    // A listener that is added while the recipe still reads its first value hears that value too.
    Checks.eventually("8 is heard", SOON_MS, () -> Integer.valueOf(8).equals(heard.poll()));
    Checks.check(!theirs.trySetCount(stale, 9), "a stale version was accepted");
    Checks.check(theirs.trySetCount(theirs.getVersionedValue(), 10), "the version is not stale");
    Checks.eventually("10 is seen", SOON_MS, () -> mine.getCount() == 10);
  }

  @Case(proves = {"C5"})
  static void sharedValueSpreads(CaseContext context) throws Exception {
    CuratorFramework reader = context.curator();
    byte[] seed = CaseContext.bytes("seed");
    SharedValue mine =
        context.closeLater(new SharedValue(context.curator(), context.path("value"), seed));
    SharedValue theirs = context.closeLater(new SharedValue(reader, context.path("value"), seed));
    mine.start();
    theirs.start();
    mine.setValue(CaseContext.bytes("new"));
    Checks.eventually(
        "the new value", SOON_MS, () -> CaseContext.text(theirs.getValue()).equals("new"));
  }

  @Case(proves = {"C3"}, seconds = 40)
  static void atomicLongLosesNoIncrement(CaseContext context) throws Exception {
    int threads = 4;
    int increments = 20;
    Workers workers = new Workers(context);
    for (int i = 0; i < threads; i++) {
      DistributedAtomicLong counter = new DistributedAtomicLong(
          context.curator(), context.path("long"), new RetryNTimes(200, 2));
      workers.run(() -> {
        for (int done = 0; done < increments;) {
          AtomicValue<Long> value = counter.increment();
          done += value.succeeded() ? 1 : 0;
          Checks.check(
              !value.succeeded() || value.postValue() == value.preValue() + 1, "a lost step");
        }
      });
    }
    workers.join();
    DistributedAtomicLong reader =
        new DistributedAtomicLong(context.curator(), context.path("long"), new RetryNTimes(1, 1));
    Checks.checkEquals("total", (long) threads * increments, reader.get().postValue());
  }

  @Case(proves = {"C3", "L1"}, seconds = 40)
  static void contendedAtomicLongIsPromotedToALock(CaseContext context) throws Exception {
    int threads = 4;
    int increments = 10;
    PromotedToLock promotion = PromotedToLock.builder()
                                   .lockPath(context.path("lock"))
                                   .retryPolicy(new RetryNTimes(100, 5))
                                   .timeout(SOON_MS, TimeUnit.MILLISECONDS)
                                   .build();
    AtomicInteger promoted = new AtomicInteger();
    Workers workers = new Workers(context);
    for (int i = 0; i < threads; i++) {
      DistributedAtomicLong counter = new DistributedAtomicLong(
          // No second optimistic try: contention must go through the lock.
          context.curator(), context.path("long"), new RetryNTimes(0, 0), promotion);
      workers.run(() -> {
        for (int done = 0; done < increments; done++) {
          AtomicValue<Long> value = counter.increment();
          Checks.check(value.succeeded(), "not even with the lock");
          promoted.addAndGet(value.getStats().getPromotedLockTries() > 0 ? 1 : 0);
        }
      });
    }
    workers.join();
    DistributedAtomicLong reader =
        new DistributedAtomicLong(context.curator(), context.path("long"), new RetryNTimes(1, 1));
    Checks.checkEquals("total", (long) threads * increments, reader.get().postValue());
    Checks.check(promoted.get() > 0, "no increment was contended");
  }

  @Case(proves = {"C3"})
  static void atomicIntegerHasAllItsOperations(CaseContext context) throws Exception {
    DistributedAtomicInteger number = new DistributedAtomicInteger(
        context.curator(), context.path("integer"), new RetryNTimes(5, 10));
    Checks.check(number.initialize(5), "not initialized");
    Checks.check(!number.initialize(6), "initialized twice");
    Checks.checkEquals("decrement", 4, number.decrement().postValue());
    Checks.checkEquals("add", 14, number.add(10).postValue());
    Checks.checkEquals("subtract", 11, number.subtract(3).postValue());
    Checks.check(!number.compareAndSet(1, 2).succeeded(), "wrong expectation accepted");
    Checks.check(number.compareAndSet(11, 20).succeeded(), "right expectation refused");
    Checks.check(number.trySet(30).succeeded(), "trySet");
    number.forceSet(-7);
    DistributedAtomicInteger other = new DistributedAtomicInteger(
        context.curator(), context.path("integer"), new RetryNTimes(5, 10));
    Checks.checkEquals("seen by another client", -7, other.get().postValue());
  }

  @Case(proves = {"C3", "CP-2.9"})
  static void atomicLongGoesOnAfterItsSessionEnds(CaseContext context) throws Exception {
    CuratorFramework doomed = context.curator();
    DistributedAtomicLong counter =
        new DistributedAtomicLong(doomed, context.path("long"), new RetryNTimes(20, 50));
    counter.increment();
    context.killSession(doomed);
    Future<Object> counting = new Workers(context).run(
        () -> Checks.eventually("counts again", SOON_MS, () -> counter.increment().succeeded()));
    counting.get();
    Checks.check(counter.get().postValue() >= 2, "the count went back");
  }

  private static SharedCount startedCount(CaseContext context, CuratorFramework client)
      throws Exception {
    SharedCount count = context.closeLater(new SharedCount(client, context.path("count"), 7));
    count.start();
    return count;
  }
}
