#include "bench/load/fanout_rounds.h"

#include <string>

namespace lockkeeper::load {
namespace {

Error Wrong(size_t watcher, const std::string& what) {
  return {Errc::kCorruption, "watcher " + std::to_string(watcher) + " " + what};
}

}  // namespace

Status FanoutRounds::Registered(size_t watcher, int32_t version) {
  if (registered_in_[watcher] == round_) return Wrong(watcher, "registered twice");
  if (version_ < 0) version_ = version;
  if (version != version_) {
    return Wrong(watcher, "read version " + std::to_string(version) + " where " +
                              std::to_string(version_) + " was set");
  }
  registered_in_[watcher] = round_;
  ++registered_;
  return {};
}

void FanoutRounds::Set(TimePoint now) {
  set_sent_ = true;
  sent_ = now;
}

Status FanoutRounds::Heard(size_t watcher, TimePoint now) {
  if (!set_sent_) return Wrong(watcher, "has an event without a set");
  if (heard_in_[watcher] == round_) return Wrong(watcher, "has a second event of one set");
  heard_in_[watcher] = round_;
  ++heard_;
  const Clock::duration took = now - sent_;
  each_ns_.Record(static_cast<uint64_t>(took.count()));
  if (!all_heard()) return {};
  last_ns_.Record(static_cast<uint64_t>(took.count()));
  all_last_ += took;
  return {};
}

Status FanoutRounds::SetDone(int32_t version) {
  if (version != version_ + 1) {
    return Error{Errc::kCorruption, "the set made version " + std::to_string(version) + " of " +
                                        std::to_string(version_)};
  }
  set_done_ = true;
  return {};
}

std::string FanoutRounds::Waiting() const {
  const std::string all = std::to_string(heard_in_.size());
  if (!set_sent_) return std::to_string(registered_) + " of " + all + " have registered";
  return std::to_string(heard_) + " of " + all + " have heard of the set, which is " +
         (set_done_ ? "" : "not ") + "answered";
}

void FanoutRounds::NextRound() {
  ++round_;
  ++version_;
  heard_ = 0;
  registered_ = 0;
  set_sent_ = false;
  set_done_ = false;
}

}  // namespace lockkeeper::load
