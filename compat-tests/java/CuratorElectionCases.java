import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.leader.LeaderLatchListener;
import org.apache.curator.framework.recipes.leader.LeaderSelector;
import org.apache.curator.framework.recipes.leader.LeaderSelectorListenerAdapter;

/** Curator's leader elections. */
final class CuratorElectionCases {
  private static final int SOON_MS = 10_000;

  private CuratorElectionCases() {}

  @Case(proves = {"E1", "E2"}, seconds = 30)
  static void latchHasExactlyOneLeaderThatEverybodySees(CaseContext context) throws Exception {
    List<LeaderLatch> latches = startLatches(context, 5);
    LeaderLatch leader = soleLeader(latches);
    for (LeaderLatch latch : latches) {
      Checks.checkEquals("leader seen", leader.getId(), latch.getLeader().getId());
      Checks.checkEquals("candidates", 5, latch.getParticipants().size());
    }
  }

  @Case(proves = {"E1"}, seconds = 30)
  static void latchFailsOverInOrderOfArrivalWhenLeadersClose(CaseContext context) throws Exception {
    List<LeaderLatch> latches = startLatches(context, 4);
    List<String> order = new ArrayList<>();
    while (!latches.isEmpty()) {
      LeaderLatch leader = soleLeader(latches);
      order.add(leader.getId());
      latches.remove(leader);
      leader.close();
    }
    Checks.checkEquals("succession", List.of("0", "1", "2", "3"), order);
  }

  @Case(proves = {"E1", "S2"}, seconds = 40)
  static void latchFailsOverWhenTheLeadersSessionEnds(CaseContext context) throws Exception {
    CuratorFramework doomed = context.curator();
    LeaderLatch first = startLatch(context, doomed, 0);
    CountDownLatch deposed = new CountDownLatch(1);
    first.addListener(new LeaderLatchListener() {
      @Override
      public void isLeader() {}

      @Override
      public void notLeader() {
        deposed.countDown();
      }
    });
    Checks.check(first.await(SOON_MS, TimeUnit.MILLISECONDS), "no leader");
    LeaderLatch second = startLatch(context, context.curator(), 1);
    context.killSession(doomed);
    Checks.check(second.await(SOON_MS, TimeUnit.MILLISECONDS), "no failover");
    Checks.check(deposed.await(SOON_MS, TimeUnit.MILLISECONDS), "the old leader was not told");
    // With its new session it queues up again, behind.
    Checks.eventually(
        "the old leader is a candidate", SOON_MS, () -> second.getParticipants().size() == 2);
    Checks.check(!first.hasLeadership() && second.hasLeadership(), "leadership went back");
  }

  @Case(proves = {"E1", "E4"}, seconds = 40)
  static void selectorGivesEachCandidateItsTurnsAndNeverTwoAtOnce(CaseContext context)
      throws Exception {
    int candidates = 3;
    int turns = 9;
    AtomicInteger leaders = new AtomicInteger();
    AtomicInteger mostLeaders = new AtomicInteger();
    CountDownLatch done = new CountDownLatch(turns);
    List<String> order = Collections.synchronizedList(new ArrayList<>());
    for (int i = 0; i < candidates; i++) {
      String id = "c" + i;
      LeaderSelectorListenerAdapter turn = new LeaderSelectorListenerAdapter() {
        @Override
        public void takeLeadership(CuratorFramework client) throws Exception {
          mostLeaders.accumulateAndGet(leaders.incrementAndGet(), Math::max);
          order.add(id);
          Thread.sleep(20);
          leaders.decrementAndGet();
          done.countDown();
        }
      };
      LeaderSelector selector = selector(context, context.curator(), id, turn);
      selector.autoRequeue();
      selector.start();
      Checks.eventually(id + " queues", SOON_MS, () -> order.contains(id));
    }
    Checks.check(done.await(SOON_MS, TimeUnit.MILLISECONDS), "turns so far: " + order);
    Checks.checkEquals("leaders at once", 1, mostLeaders.get());
    Checks.checkEquals("candidates seen", Set.of("c0", "c1", "c2"), Set.copyOf(order));
    Checks.check(Collections.frequency(order, "c2") >= 2, "no second turn for c2: " + order);
  }

  @Case(proves = {"E1", "E3"}, seconds = 40)
  static void selectorPassesOnWhenTheLeaderLosesItsSessionOrIsInterrupted(CaseContext context)
      throws Exception {
    Set<String> leading = ConcurrentHashMap.newKeySet();
    CuratorFramework doomed = context.curator();
    List<LeaderSelector> selectors = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      String id = "c" + i;
      CuratorFramework client = i == 0 ? doomed : context.curator();
      LeaderSelector selector = selector(context, client, id, leadUntilInterrupted(leading, id));
      selectors.add(selector);
      selector.start();
      int present = i + 1;
      Checks.eventually(
          id + " queues", SOON_MS, () -> selector.getParticipants().size() == present);
    }
    LeaderSelector observer = selectors.get(2);
    Checks.eventually("c0 leads", SOON_MS, () -> leading.equals(Set.of("c0")));
    Checks.checkEquals("leader", "c0", observer.getLeader().getId());
    context.killSession(doomed);
    Checks.eventually("c1 leads alone", SOON_MS, () -> leading.equals(Set.of("c1")));
    Checks.checkEquals("leader", "c1", observer.getLeader().getId());
    selectors.get(1).interruptLeadership();
    Checks.eventually("c2 leads alone", SOON_MS, () -> leading.equals(Set.of("c2")));
    Checks.checkEquals("participants", new TreeSet<>(Set.of("c2")),
        observer.getParticipants()
            .stream()
            .map(participant -> participant.getId())
            .collect(Collectors.toCollection(TreeSet::new)));
  }

  private static LeaderSelectorListenerAdapter leadUntilInterrupted(
      Set<String> leading, String id) {
    return new LeaderSelectorListenerAdapter() {
      @Override
      public void takeLeadership(CuratorFramework client) throws Exception {
        leading.add(id);
        try {
          new CountDownLatch(1).await();
        } finally {
          leading.remove(id);
        }
      }
    };
  }

  private static LeaderSelector selector(CaseContext context, CuratorFramework client, String id,
      LeaderSelectorListenerAdapter listener) {
    LeaderSelector selector =
        context.closeLater(new LeaderSelector(client, context.path("election"), listener));
    selector.setId(id);
    return selector;
  }

  /** Candidates "0", "1", ... each with a client of its own, queued in this order. */
  private static List<LeaderLatch> startLatches(CaseContext context, int number) throws Exception {
    List<LeaderLatch> latches = new ArrayList<>();
    for (int i = 0; i < number; i++) {
      latches.add(startLatch(context, context.curator(), i));
    }
    return latches;
  }

  private static LeaderLatch startLatch(CaseContext context, CuratorFramework client, int number)
      throws Exception {
    LeaderLatch latch =
        context.closeLater(new LeaderLatch(client, context.path("latch"), "" + number));
    latch.start();
    Checks.eventually("candidate " + number + " queues", SOON_MS,
        ()
            -> latch.getParticipants().stream().anyMatch(
                participant -> participant.getId().equals(latch.getId())));
    return latch;
  }

  /** The leader, once there is one; no other latch may think that it leads too. */
  private static LeaderLatch soleLeader(List<LeaderLatch> latches) throws Exception {
    Checks.eventually(
        "a leader", SOON_MS, () -> latches.stream().anyMatch(LeaderLatch::hasLeadership));
    List<LeaderLatch> leaders =
        latches.stream().filter(LeaderLatch::hasLeadership).collect(Collectors.toList());
    Checks.checkEquals("leaders", 1, leaders.size());
    return leaders.get(0);
  }
}
