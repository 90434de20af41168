#include "tests/simulation/sim_desk.h"

#include <variant>

namespace lockkeeper::simulation {

SimDesk::SimDesk(const ServerContext& context, Wires wires)
    : SessionHost(0, context.slot.tree->last_zxid(), &context.metrics),
      context_(context),
      wires_(std::move(wires)) {}

void SimDesk::Accept(MonoMs now, uint64_t link) {
  BeginTurn(now);
  const auto made = std::make_shared<Link>();
  made->session = std::make_unique<ClientSession>(this, context_, ConnectionRef{0, link},
                                                  "127.0.0.1", &made->out);
  links_[link] = made;
}

void SimDesk::Input(MonoMs now, uint64_t link, std::string_view bytes) {
  BeginTurn(now);
  const auto found = links_.find(link);
  if (found == links_.end()) return;
  const std::shared_ptr<Link> at = found->second;
  at->in.append(bytes);
  at->in.erase(0, at->session->Consume(at->in));
  Settle();
}

void SimDesk::Gone(MonoMs now, uint64_t link) {
  BeginTurn(now);
  const auto found = links_.find(link);
  if (found == links_.end()) return;
  const std::shared_ptr<Link> at = found->second;
  at->session->Abandon();
  watches().RemoveWatcher(link);
  links_.erase(found);
}

void SimDesk::Close(uint64_t link) {
  if (!links_.contains(link)) return;
  Gone(now(), link);
  wires_.close(link);
}

void SimDesk::Turn(MonoMs now) {
  BeginTurn(now);
  Drain();
  Settle();
}

void SimDesk::ReportTouches(MonoMs now) {
  BeginTurn(now);
  TouchReport report{.io_thread = 0, .complete_until = complete_ ? previous_report_ : MonoMs{0}};
  report.touched.assign(touched_.begin(), touched_.end());
  touched_.clear();
  previous_report_ = now;
  context_.core.Push(std::move(report));
  Turn(now);
}

void SimDesk::Touch(SessionId session) {
  if (session.value != 0) touched_[session] = now();
}

const DataTree& SimDesk::ReadTree() {
  Drain();
  return old_ != nullptr ? *old_ : *context_.slot.tree;
}

ClientSession* SimDesk::Reach(uint64_t connection) {
  const auto found = links_.find(connection);
  return found == links_.end() ? nullptr : found->second->session.get();
}

void SimDesk::Drain() {
  while (!inbox_.empty()) {
    const std::vector<IoMessage> messages = std::exchange(inbox_, {});
    for (const IoMessage& message : messages) {
      std::visit([this](const auto& m) { Handle(m); }, message);
    }
  }
}

void SimDesk::Handle(const AppliedBatchRef& batch) {
  if (!lose_watches_ || batch->items.empty()) return Deliver(*batch);
  AppliedBatch mutant = *batch;
  mutant.items.back().changes_end = mutant.items.back().changes_begin;
  Deliver(mutant);
}

void SimDesk::Handle(const SessionAttached& attached) {
  if (ClientSession* session = Reach(attached.connection)) session->OnAttached(attached);
}

void SimDesk::Handle(const CloseAllConnections&) {
  std::vector<uint64_t> speaking;
  for (const auto& [id, link] : links_) {
    if (link->session->speaks()) speaking.push_back(id);
  }
  for (const uint64_t id : speaking) Close(id);
}

void SimDesk::Settle() {
  std::vector<uint64_t> ids;
  for (const auto& [id, link] : links_) ids.push_back(id);
  for (const uint64_t id : ids) {
    while (SettleOne(id)) {
    }
  }
}

// True: there may be more to do for it.
bool SimDesk::SettleOne(uint64_t id) {
  const auto found = links_.find(id);
  if (found == links_.end()) return false;
  const std::shared_ptr<Link> held = found->second;
  Link& link = *held;
  link.session->RunParked();
  if (!link.in.empty() && link.session->wants_input()) {
    link.in.erase(0, link.session->Consume(link.in));
  }
  if (!links_.contains(id)) return false;  // a delivery on the way has closed it
  if (link.session->broken()) {
    Close(id);
    return false;
  }
  if (!link.out.empty()) wires_.send(id, std::exchange(link.out, {}));
  if (link.session->finished()) {
    Close(id);
    return false;
  }
  return link.session->has_runnable();
}

}  // namespace lockkeeper::simulation
