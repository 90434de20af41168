#include "bench/load/workload.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <vector>

#include "bench/load/setup.h"
#include "protocol/records.h"

namespace lockkeeper::load {
namespace {

constexpr size_t kLengthBytes = 4;

void AppendNumber(uint64_t number, int base, std::string* out) {
  std::array<char, 24> digits;
  const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), number, base);
  out->append(digits.data(), written.ptr);
}

// A slash, the prefix and the number, with as many zeros as make the name so long.
void AppendName(char prefix, uint64_t number, size_t bytes, std::string* out) {
  out->append({'/', prefix});
  const size_t start = out->size();
  AppendNumber(number, 10, out);
  const size_t digits = out->size() - start;
  if (digits + 1 < bytes) out->insert(start, bytes - 1 - digits, '0');
}

std::string LevelPath(uint64_t levels) {
  std::string path = "/load";
  for (uint64_t i = 0; i < levels; ++i) AppendName('d', i, 0, &path);
  return path;
}

}  // namespace

uint64_t Random::Next() {
  uint64_t z = (state_ += 0x9E3779B97F4A7C15ull);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}

uint64_t Random::Below(uint64_t bound) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<uint64_t>((Wide{Next()} * bound) >> 64);
}

RequestEncoder::RequestEncoder(const LoadOptions& options, uint64_t seed)
    : options_(options),
      base_(LevelPath(options.depth)),
      data_(options.data_bytes, '\0'),
      random_(seed) {}

void RequestEncoder::SetPath(const Target& target, int64_t session) {
  path_ = base_;
  switch (target.kind) {
    case Target::Kind::kLevel:
      path_ = LevelPath(target.index);
      return;
    case Target::Kind::kParent:
      return AppendName('p', target.index, kNameBytesLeast, &path_);
    case Target::Kind::kNode:
      AppendName('p', target.index / kNodesPerParent, kNameBytesLeast, &path_);
      return AppendName('n', target.index % kNodesPerParent, options_.name_bytes, &path_);
    case Target::Kind::kNew:
      AppendName('p', target.parent, kNameBytesLeast, &path_);
      path_.append("/x");
      AppendNumber(static_cast<uint64_t>(session), 16, &path_);
      path_.push_back('-');
      return AppendNumber(target.index, 10, &path_);
  }
}

std::string_view RequestEncoder::NewData() {
  for (size_t at = 0; at < data_.size(); at += sizeof(uint64_t)) {
    const uint64_t bytes = random_.Next();
    std::memcpy(data_.data() + at, &bytes, std::min(sizeof bytes, data_.size() - at));
  }
  return data_.empty() ? EmptyString() : std::string_view(data_);
}

// The first part goes to `target`, the others to any znodes.
void RequestEncoder::AppendMulti(Target target, int64_t session, std::string* out) {
  for (int i = 0; i < options_.multi_operations; ++i) {
    SetPath(target, session);
    Encode(MultiHeader{static_cast<int32_t>(OpCode::kSetData), false, -1}, out);
    Encode(SetDataRequest{path_, NewData(), -1}, out);
    target.index = random_.Below(options_.nodes);
  }
  Encode(MultiHeader{-1, true, -1}, out);
}

void RequestEncoder::Append(const Operation& operation, int64_t session, int32_t xid,
                            std::string* out) {
  SetPath(operation.target, session);
  const size_t start = out->size();
  out->append(kLengthBytes, '\0');
  Encode(RequestHeader{xid, static_cast<int32_t>(operation.op)}, out);
  switch (operation.op) {
    case OpCode::kCreate: {
      // What holds other znodes has no data: the tree's size is then what was asked for.
      const bool holder = operation.target.kind == Target::Kind::kLevel ||
                          operation.target.kind == Target::Kind::kParent;
      Encode(CreateRequest{path_, holder ? EmptyString() : NewData(), OpenAcl(), 0}, out);
      break;
    }
    case OpCode::kSetData:
      Encode(SetDataRequest{path_, NewData(), -1}, out);
      break;
    case OpCode::kMulti:
      AppendMulti(operation.target, session, out);
      break;
    case OpCode::kDelete:
      Encode(DeleteRequest{path_, -1}, out);
      break;
    case OpCode::kSync:
      Encode(PathRequest{path_}, out);
      break;
    default:
      Encode(PathWatchRequest{path_, false}, out);
  }
  StoreInt(static_cast<int32_t>(out->size() - start - kLengthBytes), out->data() + start);
}

std::optional<Operation> TreeSource::Take(TimePoint now) {
  if (next_ >= end_) return std::nullopt;
  const uint64_t index = next_;
  next_ += step_;
  return Operation{OpCode::kCreate, {kind_, index}, now};
}

RandomSource::RandomSource(const LoadOptions& options, int thread, double rate)
    : options_(options),
      rate_(rate),
      random_(options.seed * 1'000'003 + static_cast<uint64_t>(thread)),
      hot_(std::max<uint64_t>(1, options.nodes / 100)) {}

void RandomSource::Begin(TimePoint now) {
  const std::chrono::duration<double> whole(options_.warmup_seconds + options_.seconds);
  begin_ = now;
  end_ = now + std::chrono::duration_cast<Clock::duration>(whole);
}

TimePoint RandomSource::DueAt(uint64_t count) const {
  const std::chrono::duration<double> since(static_cast<double>(count) / rate_);
  return begin_ + std::chrono::duration_cast<Clock::duration>(since);
}

std::optional<Operation> RandomSource::Take(TimePoint now) {
  const TimePoint due = rate_ > 0 ? DueAt(taken_) : now;
  if (due > now || due >= end_) return std::nullopt;
  return Make(due);
}

std::optional<TimePoint> RandomSource::NextDue() const {
  if (rate_ <= 0) return end_;
  return std::min(DueAt(taken_), end_);
}

bool RandomSource::Done(TimePoint now) const { return (rate_ > 0 ? DueAt(taken_) : now) >= end_; }

uint64_t RandomSource::Key() {
  if (options_.keys == KeyChoice::kHot && random_.Below(10) != 0) return random_.Below(hot_);
  return random_.Below(options_.nodes);
}

OpCode RandomSource::NextOp() {
  if (options_.mix.size() == 1) return options_.mix.front().op;
  const double at = random_.Share();
  for (const MixPart& part : options_.mix) {
    if (at < part.upto) return part.op;
  }
  return options_.mix.back().op;
}

Operation RandomSource::Make(TimePoint intended) {
  const uint64_t number = taken_++;
  const OpCode op = NextOp();
  switch (op) {
    case OpCode::kCreate:
    case OpCode::kDelete:  // of what, the connection knows
      return {op, {Target::Kind::kNew, number, Key() / kNodesPerParent}, intended};
    case OpCode::kGetChildren:
      return {op, {Target::Kind::kParent, Key() / kNodesPerParent}, intended};
    default:
      return {op, {Target::Kind::kNode, Key()}, intended};
  }
}

}  // namespace lockkeeper::load
