#include "bench/load/lock_verifier.h"

#include <string>

namespace lockkeeper::load {
namespace {

Error Violation(size_t lock, const std::string& what) {
  return {Errc::kCorruption,
          "mutual exclusion is broken: lock " + std::to_string(lock) + ": " + what};
}

std::string Text(const FencingToken& token) {
  return "sequence " + std::to_string(token.sequence) + ", czxid " + std::to_string(token.czxid);
}

}  // namespace

Status LockVerifier::Acquired(size_t lock, int holder, const FencingToken& token) {
  Lock& record = locks_[lock];
  const std::string who = "contender " + std::to_string(holder);
  if (record.holder != kNobody) {
    return Violation(lock,
                     who + " has it, and contender " + std::to_string(record.holder) + " too");
  }
  if (token.sequence <= record.last.sequence || token.czxid <= record.last.czxid) {
    return Violation(lock,
                     who + " has it by " + Text(token) + ", after one with " + Text(record.last));
  }
  record = {holder, token};
  ++acquired_;
  return {};
}

Status LockVerifier::Released(size_t lock, int holder) {
  if (locks_[lock].holder != holder) {
    return Violation(lock, "contender " + std::to_string(holder) + " gives back what it has not");
  }
  locks_[lock].holder = kNobody;
  return {};
}

}  // namespace lockkeeper::load
