// What to ask a server next: the sources of operations and the bytes of their requests.
#ifndef LOCKKEEPER_BENCH_LOAD_WORKLOAD_H_
#define LOCKKEEPER_BENCH_LOAD_WORKLOAD_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "bench/load/clock.h"
#include "bench/load/options.h"
#include "protocol/op_code.h"

namespace lockkeeper::load {

// Where an operation goes: "/load" and the levels below it, which hold all others; a parent
// "pNNN"; a znode "pNNN/nNNN"; or a new znode "pNNN/xSESSION-N" that only the session itself makes.
struct Target {
  enum class Kind : uint8_t { kLevel, kParent, kNode, kNew };
  Kind kind = Kind::kNode;
  uint64_t index = 0;
  uint64_t parent = 0;  // of a new znode
};

struct Operation {
  OpCode op = OpCode::kGetData;
  Target target;
  TimePoint intended;  // latency counts from here
};

// splitmix64: a few nanoseconds a number.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t Next();
  uint64_t Below(uint64_t bound);  // bound > 0; the bias of the multiplication is below 2^-40
  double Share() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }  // in [0, 1)

 private:
  uint64_t state_;
};

// Appends request frames (with their length) to a buffer.
class RequestEncoder {
 public:
  RequestEncoder(const LoadOptions& options, uint64_t seed);
  // `session` names new znodes.
  void Append(const Operation& operation, int64_t session, int32_t xid, std::string* out);

 private:
  std::string_view NewData();
  void SetPath(const Target& target, int64_t session);
  void AppendMulti(Target target, int64_t session, std::string* out);

  const LoadOptions& options_;
  std::string base_;  // the path of what holds the parents
  std::string path_;
  std::string data_;
  Random random_;
};

// One thread's operations in one phase.
class Source {
 public:
  virtual ~Source() = default;
  // Before the first Take: the phase begins now.
  virtual void Begin(TimePoint now) = 0;
  // The next operation that is due at `now`, or nullopt.
  virtual std::optional<Operation> Take(TimePoint now) = 0;
  // When to ask again although no reply came; nullopt: only after a reply.
  virtual std::optional<TimePoint> NextDue() const = 0;
  // No operation will come any more.
  virtual bool Done(TimePoint now) const = 0;
};

// The creates of a range of the tree: `first`, `first` + `step`, ... below `end`.
class TreeSource final : public Source {
 public:
  TreeSource(Target::Kind kind, uint64_t first, uint64_t step, uint64_t end)
      : kind_(kind), next_(first), step_(step), end_(end) {}
  void Begin(TimePoint /*now*/) override {}
  std::optional<Operation> Take(TimePoint now) override;
  std::optional<TimePoint> NextDue() const override { return std::nullopt; }
  bool Done(TimePoint /*now*/) const override { return next_ >= end_; }

 private:
  const Target::Kind kind_;
  uint64_t next_;
  const uint64_t step_;
  const uint64_t end_;
};

// The operations that the options describe, for a time. With a rate they are due at even distances
// from the beginning, whether or not the server keeps up; else whenever there is room.
class RandomSource final : public Source {
 public:
  // `rate`: of this thread alone; 0: closed loop. `thread` makes its keys differ from the others'.
  RandomSource(const LoadOptions& options, int thread, double rate);
  void Begin(TimePoint now) override;
  std::optional<Operation> Take(TimePoint now) override;
  std::optional<TimePoint> NextDue() const override;
  bool Done(TimePoint now) const override;

 private:
  TimePoint DueAt(uint64_t count) const;
  Operation Make(TimePoint intended);
  OpCode NextOp();
  uint64_t Key();

  const LoadOptions& options_;
  const double rate_;
  Random random_;
  TimePoint begin_;
  TimePoint end_;
  uint64_t taken_ = 0;
  const uint64_t hot_;
};

}  // namespace lockkeeper::load

#endif  // LOCKKEEPER_BENCH_LOAD_WORKLOAD_H_
