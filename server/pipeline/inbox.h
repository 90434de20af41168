// A queue of messages to one thread: many senders, one receiver that takes everything at once.
#ifndef LOCKKEEPER_SERVER_PIPELINE_INBOX_H_
#define LOCKKEEPER_SERVER_PIPELINE_INBOX_H_

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
      wake = messages_.empty();
      messages_.push_back(std::move(message));
    }
    if (wake) ready_.notify_one();
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
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_PIPELINE_INBOX_H_
