// Whether locks exclude: who holds each, and whether its fencing tokens grow.
#ifndef LOCKKEEPER_BENCH_LOAD_LOCK_VERIFIER_H_
#define LOCKKEEPER_BENCH_LOAD_LOCK_VERIFIER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "protocol/result.h"

namespace lockkeeper::load {

// What tells the holders of a lock apart and puts them into order: both numbers of the znode with
// which a contender stood in line.
struct FencingToken {
  int64_t sequence = -1;  // at the end of its name
  int64_t czxid = -1;
};

// Threads: one, which hears of every holder; so the order of the calls is that of the answers.
class LockVerifier {
 public:
  explicit LockVerifier(size_t locks) : locks_(locks) {}

  // The holder has the lock now. An error, which tells how exclusion was broken: another one has
  // it, or the token is not larger, in both numbers, than that of every holder before.
  Status Acquired(size_t lock, int holder, const FencingToken& token);
  // Before the holder tells the server. An error: it did not have the lock.
  Status Released(size_t lock, int holder);

  uint64_t acquired() const { return acquired_; }

 private:
  static constexpr int kNobody = -1;
  struct Lock {
    int holder = kNobody;
    FencingToken last;
  };
  std::vector<Lock> locks_;
  uint64_t acquired_ = 0;
};

}  // namespace lockkeeper::load

#endif  // LOCKKEEPER_BENCH_LOAD_LOCK_VERIFIER_H_
