#include "server/pipeline/read_handlers.h"

#include <glog/logging.h>

#include <string_view>
#include <variant>

#include "datatree/watch_table.h"
#include "protocol/error_code.h"
#include "protocol/op_code.h"
#include "server/pipeline/reply.h"

namespace lockkeeper {
namespace {

class Reader {
 public:
  Reader(const ReadContext& context, int32_t xid, std::string* out,
         std::vector<WatchRegistration>* watches)
      : c_(context), nodes_(context.tree.nodes()), xid_(xid), out_(out), watches_(watches) {}

  void Exists(const PathWatchRequest& r);
  void GetData(const PathWatchRequest& r);
  void GetChildren(const PathWatchRequest& r, bool with_stat);
  void GetAcl(const PathRequest& r);
  void GetAllChildrenNumber(const PathRequest& r);
  void GetEphemerals(const PathRequest& r);
  void MultiRead(const MultiReadRequest& r);
  // Also setWatches2, whose first fields are the same.
  template <class R>
  bool CatchUp(const R& r);
  void SetWatches(const SetWatchesRequest& r);
  void SetWatches2(const SetWatches2Request& r);

 private:
  Zxid zxid() const { return c_.tree.last_zxid(); }
  ReplyHeader Ok() const { return {xid_, zxid().value, 0}; }
  void Fail(ErrorCode code) { WriteHeaderOnly(xid_, zxid(), code, out_); }
  bool Allowed(NodeId node, int32_t wanted) const {
    return IsAllowed(c_.access, *c_.tree.AclOf(node), wanted, c_.identities);
  }
  NodeId Find(std::string_view path) const {
    const auto found = c_.found == nullptr ? std::nullopt : c_.found->Take(path);
    return found ? *found : nodes_.Lookup(path);
  }
  // kNoNode, kNoAuth or kOk for reading a node.
  ErrorCode CheckReadable(NodeId node) const {
    if (node == kNoNode) return ErrorCode::kNoNode;
    return Allowed(node, kPermRead) ? ErrorCode::kOk : ErrorCode::kNoAuth;
  }
  void Watch(std::string_view path, uint8_t modes) {
    watches_->push_back({std::string(path), modes});
  }
  std::vector<std::string_view> ChildrenOf(NodeId node) const;
  void MultiReadElement(const lockkeeper::MultiReadElement& element, FrameWriter& frame);
  bool CatchUpList(const JuteVector<std::string_view>& paths, int64_t relative_zxid,
                   EventType changed, uint8_t mode);

  const ReadContext& c_;
  const NodeStore& nodes_;
  const int32_t xid_;
  std::string* const out_;
  std::vector<WatchRegistration>* const watches_;
};

void Reader::Exists(const PathWatchRequest& r) {
  if (r.path.find('\0') != std::string_view::npos) return Fail(ErrorCode::kBadArguments);
  const NodeId node = Find(r.path);
  if (node != kNoNode && !Allowed(node, kPermRead)) return Fail(ErrorCode::kNoAuth);
  if (r.watch) Watch(r.path, kDataStandard);  // a missing node is watched for its creation
  if (node == kNoNode) return Fail(ErrorCode::kNoNode);
  FrameWriter(out_).Add(Ok()).Add(StatResponse{c_.tree.StatOf(node)});
}

void Reader::GetData(const PathWatchRequest& r) {
  const NodeId node = Find(r.path);
  const ErrorCode code = CheckReadable(node);
  if (code != ErrorCode::kOk) return Fail(code);
  if (r.watch) Watch(r.path, kDataStandard);
  FrameWriter(out_).Add(Ok()).Add(GetDataResponse{nodes_.DataOf(node), c_.tree.StatOf(node)});
}

std::vector<std::string_view> Reader::ChildrenOf(NodeId node) const {
  std::vector<std::string_view> names;
  names.reserve(nodes_.ChildCountOf(node));
  for (NodeId c = nodes_.FirstChild(node); c != kNoNode; c = nodes_.NextSibling(c)) {
    names.push_back(nodes_.NameOf(c));
  }
  return names;
}

void Reader::GetChildren(const PathWatchRequest& r, bool with_stat) {
  const NodeId node = Find(r.path);
  const ErrorCode code = CheckReadable(node);
  if (code != ErrorCode::kOk) return Fail(code);
  if (r.watch) Watch(r.path, kChildStandard);
  FrameWriter frame(out_);
  frame.Add(Ok());
  if (with_stat) {
    frame.Add(GetChildren2Response{ChildrenOf(node), c_.tree.StatOf(node)});
  } else {
    frame.Add(GetChildrenResponse{ChildrenOf(node)});
  }
}

void Reader::GetAcl(const PathRequest& r) {
  const NodeId node = Find(r.path);
  if (node == kNoNode) return Fail(ErrorCode::kNoNode);
  if (!Allowed(node, kPermRead | kPermAdmin)) return Fail(ErrorCode::kNoAuth);
  const AclList& acl = *c_.tree.AclOf(node);
  FrameWriter frame(out_);
  frame.Add(Ok());
  if (Allowed(node, kPermAdmin)) {
    frame.Add(GetAclResponse{ToRecords(acl), c_.tree.StatOf(node)});
  } else {
    const AclList shown = RedactDigests(acl);
    frame.Add(GetAclResponse{ToRecords(shown), c_.tree.StatOf(node)});
  }
}

void Reader::GetAllChildrenNumber(const PathRequest& r) {
  const NodeId node = Find(r.path);
  const ErrorCode code = CheckReadable(node);
  if (code != ErrorCode::kOk) return Fail(code);
  auto count = static_cast<int32_t>(c_.tree.CountDescendants(node));
  if (r.path.empty()) ++count;  // ZooKeeper counts "/" as below "" (client-protocol 6.2)
  FrameWriter(out_).Add(Ok()).Add(GetAllChildrenNumberResponse{count});
}

// A null or blank prefix and "/" mean all; otherwise a plain string prefix (4.3).
void Reader::GetEphemerals(const PathRequest& r) {
  std::string_view prefix = r.path;
  const auto is_blank = [](char c) { return static_cast<unsigned char>(c) <= ' '; };
  std::string_view trimmed = prefix;
  while (!trimmed.empty() && is_blank(trimmed.front())) trimmed.remove_prefix(1);
  while (!trimmed.empty() && is_blank(trimmed.back())) trimmed.remove_suffix(1);
  if (trimmed.empty() || trimmed == "/") prefix = {};
  const std::vector<std::string> paths = c_.tree.EphemeralPathsOf(c_.session);
  std::vector<std::string_view> shown;
  for (const std::string& path : paths) {
    if (std::string_view(path).starts_with(prefix)) shown.emplace_back(path);
  }
  FrameWriter(out_).Add(Ok()).Add(GetChildrenResponse{std::move(shown)});
}

void Reader::MultiReadElement(const lockkeeper::MultiReadElement& element, FrameWriter& frame) {
  const NodeId node = nodes_.Lookup(element.body.path);
  const ErrorCode code = CheckReadable(node);
  if (code != ErrorCode::kOk) {
    const auto number = static_cast<int32_t>(code);
    frame.Add(MultiHeader{-1, false, number}).Add(ErrorResponse{number});
    return;
  }
  frame.Add(MultiHeader{static_cast<int32_t>(element.type), false, 0});
  if (element.type == OpCode::kGetData) {
    frame.Add(GetDataResponse{nodes_.DataOf(node), c_.tree.StatOf(node)});
  } else {
    frame.Add(GetChildrenResponse{ChildrenOf(node)});
  }
}

// A write among the elements: -5, and yet the end header as body (8.6).
void Reader::MultiRead(const MultiReadRequest& r) {
  FrameWriter frame(out_);
  if (r.forbidden_element) {
    frame.Add(ReplyHeader{xid_, zxid().value, static_cast<int32_t>(ErrorCode::kMarshallingError)});
  } else {
    frame.Add(Ok());
    for (const auto& element : r.elements) MultiReadElement(element, frame);
  }
  frame.Add(kMultiEnd);
}

// For each path either an event now, because something happened since `relative_zxid`, or a watch.
// False: the list is null.
bool Reader::CatchUpList(const JuteVector<std::string_view>& paths, int64_t relative_zxid,
                         EventType changed, uint8_t mode) {
  if (!paths) return false;
  constexpr Zxid kNoZxid{-1};
  for (std::string_view path : *paths) {
    const NodeId node = nodes_.Lookup(path);
    if (node == kNoNode) {
      WriteEvent(kNoZxid, EventType::kNodeDeleted, path, out_);
      continue;
    }
    const NodeStat stat = nodes_.StatOf(node);
    const int64_t latest = mode == kChildStandard ? stat.pzxid : stat.mzxid;
    if (latest > relative_zxid) {
      WriteEvent(kNoZxid, changed, path, out_);
    } else {
      Watch(path, mode);
    }
  }
  return true;
}

template <class R>
bool Reader::CatchUp(const R& r) {
  if (!CatchUpList(r.data_watches, r.relative_zxid, EventType::kNodeDataChanged, kDataStandard)) {
    return false;
  }
  if (!r.exist_watches) return false;
  for (std::string_view path : *r.exist_watches) {
    if (nodes_.Lookup(path) != kNoNode) {
      WriteEvent(Zxid{-1}, EventType::kNodeCreated, path, out_);
    } else {
      Watch(path, kDataStandard);
    }
  }
  return CatchUpList(r.child_watches, r.relative_zxid, EventType::kNodeChildrenChanged,
                     kChildStandard);
}

void Reader::SetWatches(const SetWatchesRequest& r) {
  if (!CatchUp(r)) return Fail(ErrorCode::kMarshallingError);
  WriteHeaderOnly(xid_, zxid(), ErrorCode::kOk, out_);
}

void Reader::SetWatches2(const SetWatches2Request& r) {
  if (!CatchUp(r) || !r.persistent_watches) return Fail(ErrorCode::kMarshallingError);
  for (std::string_view path : *r.persistent_watches) {
    Watch(path, kDataPersistent | kChildPersistent);
  }
  if (!r.persistent_recursive_watches) return Fail(ErrorCode::kMarshallingError);
  for (std::string_view path : *r.persistent_recursive_watches) Watch(path, kDataRecursive);
  WriteHeaderOnly(xid_, zxid(), ErrorCode::kOk, out_);
}

}  // namespace

void HandleTreeRead(const ReadContext& context, int32_t xid, OpCode op, const RequestBody& request,
                    std::string* out, std::vector<WatchRegistration>* watches) {
  Reader reader(context, xid, out, watches);
  switch (op) {
    case OpCode::kExists:
      return reader.Exists(std::get<PathWatchRequest>(request));
    case OpCode::kGetData:
      return reader.GetData(std::get<PathWatchRequest>(request));
    case OpCode::kGetChildren:
      return reader.GetChildren(std::get<PathWatchRequest>(request), false);
    case OpCode::kGetChildren2:
      return reader.GetChildren(std::get<PathWatchRequest>(request), true);
    case OpCode::kGetAcl:
      return reader.GetAcl(std::get<PathRequest>(request));
    case OpCode::kGetAllChildrenNumber:
      return reader.GetAllChildrenNumber(std::get<PathRequest>(request));
    case OpCode::kGetEphemerals:
      return reader.GetEphemerals(std::get<PathRequest>(request));
    case OpCode::kMultiRead:
      return reader.MultiRead(std::get<MultiReadRequest>(request));
    case OpCode::kSetWatches:
      return reader.SetWatches(std::get<SetWatchesRequest>(request));
    case OpCode::kSetWatches2:
      return reader.SetWatches2(std::get<SetWatches2Request>(request));
    default:
      LOG(FATAL) << "op " << static_cast<int32_t>(op) << " does not read the tree";
  }
}

}  // namespace lockkeeper
