// What a simulated client makes of the answers (client-protocol 9 and 10, quorum-protocol 10.1).
#include <algorithm>
#include <limits>
#include <utility>

#include "protocol/error_code.h"
#include "protocol/jute.h"
#include "tests/simulation/sim_client.h"
#include "zab/text.h"

namespace lockkeeper::simulation {
namespace {

using zab::Text;

bool IsWrite(OpCode op) {
  switch (op) {
    case OpCode::kCreate:
    case OpCode::kSetData:
    case OpCode::kDelete:
    case OpCode::kMulti:
    case OpCode::kCloseSession:
      return true;
    default:
      return false;
  }
}

template <class T>
T Take(JuteReader& reader) {
  T record;
  reader.Read(record);
  return record;
}

}  // namespace

void SimClient::Say(const std::string& what) {
  around_.checker->Say(
      Text("client ", number_, " at server ", server_, " (session ", session_, "): ", what));
}

void SimClient::OnFrame(std::string_view frame, const Standing& from) {
  if (state_ == State::kConnecting) return OnConnected(frame, from);
  JuteReader reader(frame);
  const auto header = Take<ReplyHeader>(reader);
  if (header.xid == kEventXid) return OnEvent(header, reader.rest());
  OnReply(header, reader.rest(), from);
}

void SimClient::OnConnected(std::string_view frame, const Standing& from) {
  JuteReader reader(frame);
  const auto response = Take<ConnectResponse>(reader);
  if (response.session_id == 0) {
    Trace(Text("is told that session ", session_, " has expired"));
    if (session_.value == 0) Say("a new session is refused");
    // An old leader that does not know better has never heard of sessions of later epochs.
    const bool could_know = from.epoch >= EpochOf(model().OpenedAt(session_));
    if (could_know && !around_.checker->CloseWasProposed(session_)) {
      Say("the session is refused, but nobody ever closed it");
    }
    around_.client_network->LeaveByClient(link_, false);
    Disconnected();
    Forget();
    return;
  }
  if (session_.value != 0 && response.session_id != session_.value) Say("gets another session");
  if (session_.value != 0 && session_server_ != server_) Saw("session move");
  session_ = SessionId{response.session_id};
  session_server_ = server_;
  timeout_ms_ = response.timeout_ms;
  password_ = response.passwd;
  state_ = State::kOpen;
  answered_asked_at_ = std::max(answered_asked_at_, last_sent_);
  Trace(Text("has session ", session_, " at server ", server_));
  SetWatchesAgain();
  // A server that has itself seen the end of a session must not take it.
  const auto closed = model().ClosedAt(session_);
  if (closed && from.zxid >= *closed) {
    Say(Text("the session is accepted at ", from.zxid, ", but was closed at ", *closed));
  }
}

// A watch fires once, for a change that it was set before.
void SimClient::OnEvent(const ReplyHeader& header, std::string_view body) {
  JuteReader reader(body);
  const auto event = Take<WatcherEvent>(reader);
  const std::string path(event.path);
  const auto type = static_cast<EventType>(event.type);
  const bool deleted = type == EventType::kNodeDeleted;
  // An event of setWatches says no zxid.
  const Zxid at{header.zxid == -1 ? std::numeric_limits<int64_t>::max() : header.zxid};
  bool expected = false;
  for (auto* watches : {&data_watches_, &carried_data_, &child_watches_, &carried_child_}) {
    const bool children = watches == &child_watches_ || watches == &carried_child_;
    if (children != (type == EventType::kNodeChildrenChanged) && !(children && deleted)) continue;
    const auto found = watches->find(path);
    if (found == watches->end()) continue;
    const bool changed = model().DataChanged(path, found->second, at) ||
                         model().ChildrenChanged(path, found->second, at);
    if (!changed) Say(Text("an event for ", path, " at ", at, " without a change"));
    watches->erase(found);
    expected = true;
    Saw(header.zxid == -1 ? "watch fired by setWatches" : "watch fired");
  }
  // A node may be gone for two watches of setWatches: one event for each.
  if (!expected && header.zxid != -1) {
    Say(Text("an event of type ", event.type, " for ", path, " nobody waits for"));
  }
}

// What the client is shown now must not be newer than an event that it was not told of.
void SimClient::CheckWatches(Zxid shown) {
  for (const auto& [path, since] : data_watches_) {
    if (model().DataChanged(path, since, shown)) {
      Say(Text("sees ", shown, " before the event for ", path, ", watched since ", since));
    }
  }
  for (const auto& [path, since] : child_watches_) {
    if (model().ChildrenChanged(path, since, shown)) {
      Say(Text("sees ", shown, " before the event for children of ", path, ", since ", since));
    }
  }
}

// What has no event by now is as it was; from here on these watches are like the others.
void SimClient::CheckSetWatches(Zxid shown) {
  for (const auto& [path, since] : carried_data_) {
    const bool existed = model().At(path, since).exists;
    const bool missed =
        existed ? model().DataChanged(path, since, shown) : model().At(path, shown).exists;
    if (missed) Say(Text("no event for ", path, ", watched since ", since, ", at ", shown));
    data_watches_.try_emplace(path, shown);
  }
  for (const auto& [path, since] : carried_child_) {
    if (model().ChildrenChanged(path, since, shown)) {
      Say(Text("no event for children of ", path, ", watched since ", since, ", at ", shown));
    }
    child_watches_.try_emplace(path, shown);
  }
  carried_data_.clear();
  carried_child_.clear();
  Saw("watches set again");
}

void SimClient::OnReply(const ReplyHeader& header, std::string_view body, const Standing& from) {
  if (asked_.empty()) return Say(Text("an answer to ", header.xid, " that nobody waits for"));
  const Asked asked = std::move(asked_.front());
  asked_.pop_front();
  const bool ping = asked.op == OpCode::kPing;
  if (header.xid != (ping ? kPingXid : asked.xid)) {
    return Say(Text("an answer to ", header.xid, " instead of ", asked.xid));
  }
  answered_asked_at_ = std::max(answered_asked_at_, asked.at);
  const Zxid shown{header.zxid};
  if (shown < seen_) Say(Text("is shown ", shown, " after ", seen_));
  if (!around_.checker->IsCommitted(shown)) Say(Text("is shown ", shown, ", not committed"));
  seen_ = std::max(seen_, shown);
  CheckWatches(shown);
  if (IsWrite(asked.op)) return CheckWrite(asked, header, body);
  if (asked.op == OpCode::kSync) {
    // An old leader that does not know better may answer what was true in its epoch.
    if (from.epoch >= EpochOf(asked.answered_before) && shown < asked.answered_before) {
      Say(Text("a sync shows ", shown, ", but ", asked.answered_before, " was answered before"));
    }
    return Saw("sync");
  }
  if (asked.op == OpCode::kSetWatches) return CheckSetWatches(shown);
  if (!ping) CheckRead(asked, header, body);
}

// ---- Writes.

void SimClient::CheckWrite(const Asked& asked, const ReplyHeader& header, std::string_view body) {
  const Zxid zxid{header.zxid};
  around_.checker->Answered(session_, asked.xid, zxid, header.err);
  if (header.err != 0) return CheckRefusal(asked, header);
  if (asked.last) wrote_last_ = true;
  JuteReader reader(body);
  switch (asked.op) {
    case OpCode::kSetData: {
      const auto stat = Take<StatResponse>(reader).stat;
      const TreeModel::Node& node = model().At(asked.path, zxid);
      if (node.data != asked.data || stat.version != node.version) {
        Say(Text(asked.path, " was set, but is not so at ", zxid));
      }
      if (asked.version != -1 && stat.version != asked.version + 1) {
        Say(Text("compare-and-set of version ", asked.version, " gave ", stat.version));
      }
      return;
    }
    case OpCode::kCreate: {
      const std::string path(Take<CreateResponse>(reader).path);
      if (!model().At(path, zxid).exists || model().At(path, zxid).data != asked.data) {
        Say(Text(path, " was created, but is not there at ", zxid));
      }
      return;
    }
    case OpCode::kMulti:
      if (Take<MultiHeader>(reader).type == -1) return Saw("multi refused");
      Saw("multi done");
      if (model().At(asked.path, zxid).data != asked.data) {
        Say(Text("a multi was done, but ", asked.path, " is not so"));
      }
      return;
    case OpCode::kCloseSession:
      Saw("session closed");
      around_.client_network->LeaveByClient(link_, false);
      Disconnected();
      return Forget();
    default:
      return;
  }
}

void SimClient::CheckRefusal(const Asked& asked, const ReplyHeader& header) {
  const Zxid zxid{header.zxid};
  const TreeModel::Node& node = model().At(asked.path, zxid);
  switch (static_cast<ErrorCode>(header.err)) {
    case ErrorCode::kNodeExists:
      if (!node.exists) Say(Text(asked.path, " is said to exist at ", zxid));
      return;
    case ErrorCode::kNoNode:
      if (asked.op != OpCode::kCreate && node.exists) {
        Say(Text(asked.path, " is said not to exist at ", zxid));
      }
      return;
    case ErrorCode::kBadVersion:
      Saw("compare-and-set refused");
      if (node.exists && node.version == asked.version) {
        Say(Text("version ", asked.version, " of ", asked.path, " is refused at ", zxid));
      }
      return;
    case ErrorCode::kNotEmpty:
      if (model().ChildrenAt(asked.path, zxid).empty()) {
        Say(Text(asked.path, " is said to have children at ", zxid));
      }
      return;
    case ErrorCode::kNoChildrenForEphemerals:
      return;
    case ErrorCode::kSessionMoved:
      if (handshakes_ < 2) Say("is told that its session moved, but it never moved");
      Saw("told: session moved");
      return Move(false);
    case ErrorCode::kSessionExpired:
      if (!around_.checker->CloseWasProposed(session_)) Say("expired, but nobody closed it");
      Saw("told: session expired");
      return Move(false);
    default:
      Say(Text("error ", header.err, " for ", asked.path));
  }
}

// ---- Reads.

void SimClient::CheckRead(const Asked& asked, const ReplyHeader& header, std::string_view body) {
  const Zxid shown{header.zxid};
  const TreeModel::Node& node = model().At(asked.path, shown);
  const bool missing = header.err == static_cast<int32_t>(ErrorCode::kNoNode);
  if (header.err != 0 && !missing) return Say(Text("error ", header.err, " for a read"));
  if (missing == node.exists) {
    return Say(Text(asked.path, missing ? " is missing" : " is there", " at ", shown));
  }
  JuteReader reader(body);
  if (asked.op == OpCode::kGetData && !missing) {
    const auto response = Take<GetDataResponse>(reader);
    if (response.data != node.data || response.stat.version != node.version ||
        response.stat.ephemeral_owner != node.owner.value) {
      Say(Text(asked.path, " is read as version ", response.stat.version, " at ", shown,
               " instead of ", node.version));
    }
  } else if (asked.op == OpCode::kGetChildren && !missing) {
    const auto response = Take<GetChildrenResponse>(reader);
    std::set<std::string> names;
    for (std::string_view name : *response.children) names.emplace(name);
    if (names != model().ChildrenAt(asked.path, shown)) {
      Say(Text("other children of ", asked.path, " at ", shown));
    }
  }
  if (!asked.watch || (missing && asked.op != OpCode::kExists)) return;
  auto& watches = asked.op == OpCode::kGetChildren ? child_watches_ : data_watches_;
  watches.try_emplace(asked.path, shown);
}

// ---- Expiry.

void SimClient::HearExpired() {
  if (!good_ || state_ != State::kOpen) return;
  if (now() - answered_asked_at_ < timeout_ms_ / 2) {
    Say(Text("expired, but was heard ", now() - answered_asked_at_, " ms before"));
  }
}

}  // namespace lockkeeper::simulation
