#include "bench/load/connection.h"

namespace lockkeeper::load {

void Connection::Send(Operation operation) {
  if (operation.op == OpCode::kDelete && made_.empty()) operation.op = OpCode::kCreate;
  if (operation.op == OpCode::kDelete) {
    operation.target = made_.front();
    made_.pop_front();
  } else if (deletes_ && operation.target.kind == Target::Kind::kNew) {
    made_.push_back(operation.target);
  }
  encoder_->Append(operation, id(), TakeXid(), out());
  pending_.push_back(operation);
}

void Connection::OnReply(const ReplyHeader& header, std::string_view /*body*/, TimePoint now) {
  const Operation operation = pending_.front();
  pending_.pop_front();
  owner_->OnReply(this, operation, header.err, now);
}

}  // namespace lockkeeper::load
