// Answers four-letter words: gathers what a word needs from the threads that own it, one word at a
// time, so that no client waits for an administrator.
#ifndef LOCKKEEPER_SERVER_ADMIN_ADMIN_THREAD_H_
#define LOCKKEEPER_SERVER_ADMIN_ADMIN_THREAD_H_

#include <atomic>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "server/admin/four_letter_words.h"
#include "server/admin/gatherer.h"
#include "server/pipeline/inbox.h"
#include "server/session/session_tracker.h"

namespace lockkeeper {

class AdminThread {
 public:
  AdminThread(Gatherer* gatherer, WordWhitelist whitelist, std::vector<IoThread*> io_threads);
  ~AdminThread();

  void Start();
  void Stop();
  // Any thread. The answer goes to the connection through its I/O thread; then it is closed.
  void Ask(ConnectionRef connection, int32_t word, std::string argument);

 private:
  struct Question {
    ConnectionRef from;
    int32_t word = 0;
    std::string argument;
  };
  struct StopAdmin {};
  using Message = std::variant<Question, StopAdmin>;

  void Run();
  std::string Answer(const Question& question);

  Gatherer* const gatherer_;
  const WordWhitelist whitelist_;
  const std::vector<IoThread*> io_threads_;
  Inbox<Message> inbox_;
  int64_t trace_mask_ = kDefaultTraceMask;  // owned by the thread
  std::thread thread_;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_ADMIN_ADMIN_THREAD_H_
