// A queue of messages to one thread: many senders, one receiver that takes everything at once. The
// receiver may also be whoever holds some mutex: then Wait is called without it, TakeNow with it.
#ifndef LOCKKEEPER_SERVER_PIPELINE_INBOX_H_
#define LOCKKEEPER_SERVER_PIPELINE_INBOX_H_

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace lockkeeper {

// The receiver sleeps only when the queue is empty, so a sender wakes it at most once a batch.
template <class Message>
class Inbox {
 public:
  void Push(Message message) {
    bool wake = false;
    {
      std::lock_guard lock(mutex_);
      wake = messages_.empty() || quiet_;
      quiet_ = false;
      messages_.push_back(std::move(message));
    }
    if (wake) ready_.notify_one();
  }
  // Wakes nobody: the sender calls TakeFew or Wake soon.
  void PushQuietly(Message message) {
    std::lock_guard lock(mutex_);
    if (messages_.empty()) quiet_ = true;
    messages_.push_back(std::move(message));
  }
  // Ends the receiver's Wait.
  void Wake() {
    {
      std::lock_guard lock(mutex_);
      woken_ = true;
      quiet_ = false;
    }
    ready_.notify_one();
  }
  // Everything there is, without waiting; false, and nothing, if it is more than `max` messages or
  // one that `takes` refuses. Whoever calls it is the receiver for the moment.
  template <class Takes>
  bool TakeFew(size_t max, const Takes& takes, std::vector<Message>* out) {
    out->clear();
    std::lock_guard lock(mutex_);
    if (messages_.size() > max || !std::ranges::all_of(messages_, takes)) return false;
    out->swap(messages_);
    return true;
  }
  // Receiver only: everything there is, without waiting.
  void TakeNow(std::vector<Message>* out) {
    out->clear();
    std::lock_guard lock(mutex_);
    out->swap(messages_);
  }
  // Until there is something, Wake was called, or `deadline`.
  void Wait(std::chrono::steady_clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    ready_.wait_until(lock, deadline, [this] { return !messages_.empty() || woken_; });
    woken_ = false;
  }
  // Receiver only: everything there is, after waiting until there is something or `deadline`.
  void TakeAll(std::vector<Message>* out,
               std::optional<std::chrono::steady_clock::time_point> deadline = std::nullopt) {
    out->clear();
    std::unique_lock lock(mutex_);
    const auto ready = [this] { return !messages_.empty(); };
    if (deadline) {
      ready_.wait_until(lock, *deadline, ready);
    } else {
      ready_.wait(lock, ready);
    }
    out->swap(messages_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable ready_;
  std::vector<Message> messages_;
  bool quiet_ = false;  // the first message was pushed quietly, and nobody was woken since
  bool woken_ = false;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_PIPELINE_INBOX_H_
