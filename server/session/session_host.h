// What the sessions of one I/O thread share: its watches, what it has seen of the transactions, and
// the way of what was applied to them. No socket, gate or thread: those are of who derives from it.
#ifndef LOCKKEEPER_SERVER_SESSION_SESSION_HOST_H_
#define LOCKKEEPER_SERVER_SESSION_SESSION_HOST_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "datatree/data_tree.h"
#include "datatree/watch_table.h"
#include "protocol/types.h"
#include "server/admin/metrics.h"
#include "server/pipeline/messages.h"

namespace lockkeeper {

class ClientSession;

// Threads: owned by one I/O thread.
class SessionHost {
 public:
  // `index`: of the I/O thread, as ConnectionRef names it. `seen`: where the tree stands.
  SessionHost(uint32_t index, Zxid seen, Metrics* metrics)
      : index_(index), seen_zxid_(seen), metrics_(*metrics) {}
  virtual ~SessionHost() = default;
  SessionHost(const SessionHost&) = delete;
  SessionHost& operator=(const SessionHost&) = delete;

  // The tree, which stays as it is until the turn ends; everything applied so far is delivered.
  virtual const DataTree& ReadTree() = 0;
  // Delivers what has been applied so far: a reply then shows it. Not while delivering.
  virtual void CatchUp() = 0;
  // A read was answered from ReadTree; after enough of them others get their turn.
  virtual void CountRead(size_t reply_bytes) = 0;
  virtual void Touch(SessionId session) = 0;
  // The core has a message that it was not woken for: the turn ends with looking after that.
  virtual void CoreHasWork() = 0;

  // Looks up what the next reads will ask for, all of it at once. It counts until the tree may
  // change; whoever called it forgets it when those reads are done, before their bytes go.
  void Expect(const ExpectedPaths& paths) {
    if (!paths.fewer_than_two()) ReadTree().nodes().LookupAll(paths, &found_);
  }
  void ForgetFound() { found_.Clear(); }
  FoundNodes* found() { return &found_; }

  WatchTable& watches() { return watches_; }
  const WatchTable& watches() const { return watches_; }
  // The state that everything delivered so far has shown.
  Zxid seen_zxid() const { return seen_zxid_; }
  MonoMs now() const { return now_; }
  int64_t now_us() const { return now_us_; }

 protected:
  // The session of a connection, null if it is gone. It is looked at before the thread waits.
  virtual ClientSession* Reach(uint64_t connection) = 0;
  // Fires this thread's watches and gives its connections their replies, in the order of the batch.
  void Deliver(const AppliedBatch& batch);
  void SetTime(int64_t now_us) {
    now_us_ = now_us;
    now_ = MonoMs{now_us / 1000};
  }
  uint32_t index() const { return index_; }

 private:
  void FireWatches(const AppliedBatch& batch, const BatchItem& item);
  void RecordFired(const std::array<int64_t, 5>& fired_by_type);

  const uint32_t index_;
  WatchTable watches_;
  FoundNodes found_;
  Zxid seen_zxid_;
  Metrics& metrics_;
  MonoMs now_;
  int64_t now_us_ = 0;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_SESSION_SESSION_HOST_H_
