#include "server/admin/admin_thread.h"

#include <glog/logging.h>

#include <utility>

#include "protocol/jute.h"
#include "server/net/connection.h"
#include "server/net/io_thread.h"
#include "server/this_thread.h"

namespace lockkeeper {

AdminThread::AdminThread(Gatherer* gatherer, WordWhitelist whitelist,
                         std::vector<IoThread*> io_threads)
    : gatherer_(gatherer), whitelist_(std::move(whitelist)), io_threads_(std::move(io_threads)) {}

AdminThread::~AdminThread() { CHECK(!thread_.joinable()) << "Stop was not called"; }

void AdminThread::Start() {
  thread_ = std::thread([this] {
    NameThisThread("admin");
    Run();
  });
}

void AdminThread::Stop() {
  if (!thread_.joinable()) return;
  inbox_.Push(StopAdmin{});
  thread_.join();
}

void AdminThread::Ask(ConnectionRef connection, int32_t word, std::string argument) {
  inbox_.Push(Question{connection, word, std::move(argument)});
}

void AdminThread::Run() {
  std::vector<Message> messages;
  while (true) {
    inbox_.TakeAll(&messages);
    for (const Message& message : messages) {
      const auto* question = std::get_if<Question>(&message);
      if (question == nullptr) return;
      const uint64_t id = question->from.id;
      io_threads_[question->from.io_thread]->Post([id, text = Answer(*question)](IoThread& io) {
        if (Connection* connection = io.FindConnection(id)) connection->FinishWith(text);
      });
    }
  }
}

std::string AdminThread::Answer(const Question& question) {
  const Word* word = FindWord(question.word);
  CHECK(word != nullptr);
  if (!whitelist_.Allows(*word)) return RefusalText(*word);
  LOG(INFO) << "four-letter word " << word->name;
  const bool serving = gatherer_->serving();
  switch (ActionOf(*word, serving)) {
    case WordAction::kNone:
      break;
    case WordAction::kResetConnectionStats:
      gatherer_->ResetConnectionStats();
      break;
    case WordAction::kResetServerStats:
      gatherer_->ResetServerStats();
      break;
    case WordAction::kSetTraceMask:
      if (question.argument.size() < kTraceMaskBytes) return "";
      trace_mask_ = LoadLong(question.argument.data());
      break;
    case WordAction::kClose:
      return "";
  }
  const ServerView view = gatherer_->Gather(PartsOf(*word, serving), question.from, trace_mask_);
  return AnswerText(*word, view);
}

}  // namespace lockkeeper
