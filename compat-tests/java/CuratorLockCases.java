import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.locks.InterProcessLock;
import org.apache.curator.framework.recipes.locks.InterProcessMultiLock;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreMutex;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreV2;
import org.apache.curator.framework.recipes.locks.Lease;
import org.apache.curator.framework.recipes.locks.Revoker;
import org.apache.curator.framework.recipes.shared.SharedCount;

/** Curator's locks and semaphores. */
final class CuratorLockCases {
  private static final int SOON_MS = 8_000;

  /** Long enough to see that a lock is not given. */
  private static final int REFUSAL_MS = 200;

  private CuratorLockCases() {}

  @Case(proves = {"L1", "L3"})
  static void mutexIsReentrant(CaseContext context) throws Exception {
    InterProcessMutex mine = new InterProcessMutex(context.curator(), context.path("lock"));
    InterProcessMutex theirs = new InterProcessMutex(context.curator(), context.path("lock"));
    mine.acquire();
    Checks.check(mine.acquire(REFUSAL_MS, TimeUnit.MILLISECONDS), "not reentrant");
    mine.release();
    Checks.check(mine.isOwnedByCurrentThread(), "lost after the inner release");
    checkRefused(theirs);
    mine.release();
    Checks.check(theirs.acquire(SOON_MS, TimeUnit.MILLISECONDS), "free but not given");
    theirs.release();
  }

  @Case(proves = {"L1"}, seconds = 60)
  static void mutexProtectsACounterAgainstEightThreads(CaseContext context) throws Exception {
    int threads = 8;
    int rounds = 25;
    List<CuratorFramework> clients = List.of(context.curator(), context.curator());
    int[] counter = {0}; // not atomic, on purpose
    AtomicInteger inside = new AtomicInteger();
    Workers workers = new Workers(context);
    for (int i = 0; i < threads; i++) {
      InterProcessMutex lock =
          new InterProcessMutex(clients.get(i % clients.size()), context.path("lock"));
      workers.run(() -> {
        for (int round = 0; round < rounds; round++) {
          lock.acquire();
          Checks.checkEquals("holders", 1, inside.incrementAndGet());
          int before = counter[0];
          Thread.yield();
          counter[0] = before + 1;
          inside.decrementAndGet();
          lock.release();
        }
      });
    }
    workers.join();
    Checks.checkEquals("counter", threads * rounds, counter[0]);
  }

  @Case(proves = {"L1"})
  static void acquireThatTimesOutLeavesTheQueue(CaseContext context) throws Exception {
    InterProcessMutex holder = new InterProcessMutex(context.curator(), context.path("lock"));
    InterProcessMutex late = new InterProcessMutex(context.curator(), context.path("lock"));
    holder.acquire();
    checkRefused(late);
    Checks.checkEquals("participants", 1, holder.getParticipantNodes().size());
    holder.release();
  }

  @Case(proves = {"L4", "L7"}, seconds = 30)
  static void waitersGetTheLockInTheOrderInWhichTheyCame(CaseContext context) throws Exception {
    String path = context.path("lock");
    InterProcessMutex holder = new InterProcessMutex(context.curator(), path);
    CuratorFramework observer = context.curator();
    holder.acquire();
    List<Integer> order = Collections.synchronizedList(new ArrayList<>());
    List<Long> fences = Collections.synchronizedList(new ArrayList<>());
    Workers workers = new Workers(context);
    for (int i = 0; i < 5; i++) {
      int number = i;
      InterProcessMutex waiter = new InterProcessMutex(context.curator(), path);
      workers.run(() -> {
        waiter.acquire();
        order.add(number);
        String node = waiter.getParticipantNodes().iterator().next();
        fences.add(observer.checkExists().forPath(node).getCzxid());
        waiter.release();
      });
      Checks.eventually("waiter " + i + " queues", SOON_MS,
          () -> holder.getParticipantNodes().size() == number + 2);
    }
    holder.release();
    workers.join();
    Checks.checkEquals("order", List.of(0, 1, 2, 3, 4), order);
    List<Long> sorted = new ArrayList<>(fences);
    Collections.sort(sorted);
    Checks.checkEquals("fencing tokens rise", sorted, fences);
  }

  @Case(proves = {"L6", "S2", "CP-9.24"}, seconds = 30)
  static void lockPassesOnWhenTheHoldersSessionEnds(CaseContext context) throws Exception {
    CuratorFramework doomed = context.curator();
    InterProcessMutex holder = new InterProcessMutex(doomed, context.path("lock"));
    InterProcessMutex heir = new InterProcessMutex(context.curator(), context.path("lock"));
    holder.acquire();
    Future<Boolean> inherited =
        new Workers(context).start(() -> heir.acquire(SOON_MS, TimeUnit.MILLISECONDS));
    Checks.eventually("the heir waits", SOON_MS, () -> heir.getParticipantNodes().size() == 2);
    context.killSession(doomed);
    Checks.check(inherited.get(), "the lock did not pass on");
  }

  @Case(proves = {"L1"})
  static void holderHearsThatItsLockIsRevoked(CaseContext context) throws Exception {
    CuratorFramework client = context.curator();
    InterProcessMutex holder = new InterProcessMutex(context.curator(), context.path("lock"));
    InterProcessMutex other = new InterProcessMutex(client, context.path("lock"));
    CountDownLatch asked = new CountDownLatch(1);
    holder.makeRevocable(lock -> asked.countDown());
    holder.acquire();
    checkRefused(other);
    Revoker.attemptRevoke(client, holder.getParticipantNodes().iterator().next());
    Checks.check(asked.await(SOON_MS, TimeUnit.MILLISECONDS), "the holder was not asked");
    holder.release();
    Checks.check(other.acquire(SOON_MS, TimeUnit.MILLISECONDS), "free but not given");
    other.release();
  }

  @Case(proves = {"L1"})
  static void semaphoreMutexIsNotReentrant(CaseContext context) throws Exception {
    InterProcessLock lock = new InterProcessSemaphoreMutex(context.curator(), context.path("lock"));
    InterProcessLock other =
        new InterProcessSemaphoreMutex(context.curator(), context.path("lock"));
    lock.acquire();
    checkRefused(lock);
    checkRefused(other);
    // Unlike a mutex, any thread may release it.
    new Workers(context).run(lock::release).get();
    Checks.check(other.acquire(SOON_MS, TimeUnit.MILLISECONDS), "free but not given");
    other.release();
  }

  @Case(proves = {"L2"}, seconds = 30)
  static void readersShareAndWritersExclude(CaseContext context) throws Exception {
    InterProcessReadWriteLock a = readWriteLock(context);
    InterProcessReadWriteLock b = readWriteLock(context);
    InterProcessReadWriteLock c = readWriteLock(context);
    a.readLock().acquire();
    Checks.check(b.readLock().acquire(SOON_MS, TimeUnit.MILLISECONDS), "two readers do not share");
    checkRefused(c.writeLock());
    a.readLock().release();
    checkRefused(c.writeLock());
    b.readLock().release();
    Checks.check(c.writeLock().acquire(SOON_MS, TimeUnit.MILLISECONDS), "no writer among none");
    checkRefused(a.readLock());
    checkRefused(b.writeLock());
    c.writeLock().release();
    Checks.check(a.readLock().acquire(SOON_MS, TimeUnit.MILLISECONDS), "no reader among none");
    a.readLock().release();
  }

  @Case(proves = {"L2", "L3"}, seconds = 30)
  static void writerMayBecomeAReaderAndReadersQueueBehindAWriter(CaseContext context)
      throws Exception {
    InterProcessReadWriteLock a = readWriteLock(context);
    InterProcessReadWriteLock b = readWriteLock(context);
    InterProcessReadWriteLock c = readWriteLock(context);
    a.writeLock().acquire();
    Checks.check(a.readLock().acquire(SOON_MS, TimeUnit.MILLISECONDS), "no downgrade");
    a.writeLock().release();
    Future<Boolean> writer =
        new Workers(context).start(() -> b.writeLock().acquire(SOON_MS, TimeUnit.MILLISECONDS));
    Checks.eventually(
        "the writer waits", SOON_MS, () -> a.writeLock().getParticipantNodes().size() == 1);
    checkRefused(c.readLock());
    a.readLock().release();
    Checks.check(writer.get(), "the writer was not let in");
  }

  @Case(proves = {"C2"}, seconds = 40)
  static void semaphoreNeverHasMoreThanItsLeases(CaseContext context) throws Exception {
    int leases = 3;
    List<CuratorFramework> clients = List.of(context.curator(), context.curator());
    AtomicInteger inside = new AtomicInteger();
    AtomicInteger most = new AtomicInteger();
    Workers workers = new Workers(context);
    for (int i = 0; i < 9; i++) {
      InterProcessSemaphoreV2 semaphore =
          new InterProcessSemaphoreV2(clients.get(i % 2), context.path("semaphore"), leases);
      workers.run(() -> {
        for (int round = 0; round < 5; round++) {
          Lease lease = semaphore.acquire();
          int now = inside.incrementAndGet();
          most.accumulateAndGet(now, Math::max);
          Checks.check(now <= leases, now + " holders of " + leases + " leases");
          Thread.sleep(5);
          inside.decrementAndGet();
          semaphore.returnLease(lease);
        }
      });
    }
    workers.join();
    Checks.check(most.get() > 1, "the leases were never held at the same time");
  }

  @Case(proves = {"C2"})
  static void semaphoreGivesAllWishedLeasesOrNone(CaseContext context) throws Exception {
    CuratorFramework client = context.curator();
    SharedCount limit = context.closeLater(new SharedCount(client, context.path("limit"), 3));
    limit.start();
    InterProcessSemaphoreV2 semaphore =
        new InterProcessSemaphoreV2(client, context.path("semaphore"), limit);
    Collection<Lease> two = semaphore.acquire(2, SOON_MS, TimeUnit.MILLISECONDS);
    Checks.checkEquals("leases", 2, two.size());
    Checks.check(semaphore.acquire(2, REFUSAL_MS, TimeUnit.MILLISECONDS) == null, "4 leases of 3");
    Checks.checkEquals("participants", 2, semaphore.getParticipantNodes().size());
    limit.setCount(4);
    Collection<Lease> more = semaphore.acquire(2, SOON_MS, TimeUnit.MILLISECONDS);
    Checks.check(more != null, "the raised limit is not used");
    semaphore.returnAll(two);
    semaphore.returnAll(more);
    Checks.checkEquals("participants at the end", 0, semaphore.getParticipantNodes().size());
  }

  @Case(proves = {"L1"})
  static void multiLockTakesAllOrNone(CaseContext context) throws Exception {
    List<String> paths = List.of(context.path("a"), context.path("b"), context.path("c"));
    CuratorFramework client = context.curator();
    InterProcessLock all = new InterProcessMultiLock(client, paths);
    InterProcessLock last = new InterProcessMutex(context.curator(), paths.get(2));
    InterProcessLock first = new InterProcessMutex(context.curator(), paths.get(0));
    last.acquire();
    checkRefused(all);
    Checks.check(
        first.acquire(SOON_MS, TimeUnit.MILLISECONDS), "a part of the failed lock is still held");
    first.release();
    last.release();
    Checks.check(all.acquire(SOON_MS, TimeUnit.MILLISECONDS), "free but not given");
    checkRefused(first);
    checkRefused(last);
    all.release();
  }

  private static InterProcessReadWriteLock readWriteLock(CaseContext context) throws Exception {
    return new InterProcessReadWriteLock(context.curator(), context.path("lock"));
  }

  private static void checkRefused(InterProcessLock lock) throws Exception {
    Checks.check(!lock.acquire(REFUSAL_MS, TimeUnit.MILLISECONDS), "a held lock was given away");
  }
}
