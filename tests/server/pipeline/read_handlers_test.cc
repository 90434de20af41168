// Operations that read the tree (client-protocol 4.3, 7.1, 7.7, 8.6, 9.1, 9.6).
#include "server/pipeline/read_handlers.h"

#include <gtest/gtest.h>

#include "datatree/watch_table.h"
#include "server/pipeline/reply.h"
#include "tests/datatree/tree_test_util.h"

namespace lockkeeper {
namespace {

constexpr int32_t kXid = 77;

// What one read answered.
struct Answer {
  std::vector<std::string> frames;  // without their length
  std::vector<WatchRegistration> watches;

  // The last frame; the others are events.
  ReplyHeader header() const { return *Decode<ReplyHeader>(frames.back()); }
  ErrorCode error() const { return static_cast<ErrorCode>(header().err); }
  std::string body() const { return frames.back().substr(16); }
  template <Record R>
  R body_as() const {
    JuteReader in(std::string_view(frames.back()).substr(16));
    const std::optional<R> record = Decode<R>(in);
    EXPECT_TRUE(record.has_value() && in.rest().empty());
    return record.value_or(R{});
  }
  // "path modes" of each watch.
  std::string watched() const {
    std::string text;
    for (const WatchRegistration& w : watches) {
      if (!text.empty()) text += ", ";
      text += w.path + " " + std::to_string(w.modes);
    }
    return text;
  }
  // "type path" of each event; checks the header.
  std::string events() const {
    std::string text;
    for (size_t i = 0; i + 1 < frames.size(); ++i) {
      JuteReader in(frames[i]);
      const auto head = Decode<ReplyHeader>(in);
      const auto event = Decode<WatcherEvent>(in);
      EXPECT_TRUE(head && event && in.rest().empty());
      EXPECT_EQ(Print(*head), Print(ReplyHeader{-1, -1, 0}));  // CP-9.17
      EXPECT_EQ(event->state, 3);
      if (!text.empty()) text += ", ";
      text += std::to_string(event->type) + " " + std::string(event->path);
    }
    return text;
  }
};

class Reads : public ::testing::Test {
 protected:
  Reads() {
    t.Create("/a", "data");
    t.Create("/a/b", "", 1);
    t.Create("/a/c", {});
    t.Create("/secret", "x", 0,
             std::vector<Acl>{Entry(31, "digest", "bob:hash"), Entry(2, "world", "anyone")});
    t.Create("/listed", "", 0,
             std::vector<Acl>{Entry(1, "world", "anyone"), Entry(31, "digest", "bob:hash")});
  }
  Answer Read(OpCode op, const RequestBody& request) {
    Answer answer;
    std::string out = "before";  // replies are appended
    HandleTreeRead({t.tree, access, identities, kAlice}, kXid, op, request, &out, &answer.watches);
    EXPECT_TRUE(out.starts_with("before"));
    for (std::string_view rest = std::string_view(out).substr(6); !rest.empty();) {
      const auto length = static_cast<size_t>(LoadInt(rest.data()));
      answer.frames.emplace_back(rest.substr(4, length));
      rest.remove_prefix(4 + length);
    }
    EXPECT_FALSE(answer.frames.empty());
    EXPECT_EQ(answer.header().xid, kXid);
    EXPECT_EQ(answer.header().zxid, t.zxid());  // CP-3.5
    if (answer.error() != ErrorCode::kOk && op != OpCode::kMultiRead) {
      EXPECT_EQ(answer.body(), "");  // CP-3.7
    }
    return answer;
  }
  std::string StatBytes(std::string_view path) const { return Encoded(t.StatOf(path)); }

  TestTree t;
  AccessRules access;
  std::vector<Identity> identities;
};

TEST_F(Reads, OfDataGiveDataAndStat) {
  const Answer answer = Read(OpCode::kGetData, PathWatchRequest{"/a", true});
  EXPECT_EQ(answer.body(), Encoded(GetDataResponse{"data", t.StatOf("/a")}));
  EXPECT_EQ(answer.watched(), "/a " + std::to_string(kDataStandard));
  EXPECT_EQ(Read(OpCode::kGetData, PathWatchRequest{"/a", false}).watched(), "");
}

TEST_F(Reads, TellNullDataFromEmpty) {  // CP-1.2
  EXPECT_EQ(Read(OpCode::kGetData, PathWatchRequest{"/a/c"}).body().substr(0, 4),
            "\xff\xff\xff\xff");
  EXPECT_EQ(Read(OpCode::kGetData, PathWatchRequest{"/a/b"}).body().substr(0, 4),
            std::string(4, '\0'));
}

TEST_F(Reads, OfMissingNodesFailAndLeaveNoWatch) {  // CP-9.3
  for (OpCode op : {OpCode::kGetData, OpCode::kGetChildren, OpCode::kGetChildren2}) {
    const Answer answer = Read(op, PathWatchRequest{"/no", true});
    EXPECT_EQ(answer.error(), ErrorCode::kNoNode);
    EXPECT_EQ(answer.watched(), "");
  }
  EXPECT_EQ(Read(OpCode::kGetAcl, PathRequest{"/no"}).error(), ErrorCode::kNoNode);
  EXPECT_EQ(Read(OpCode::kGetAllChildrenNumber, PathRequest{"/no"}).error(), ErrorCode::kNoNode);
}

TEST_F(Reads, OfUnreadableNodesFailAndLeaveNoWatch) {  // CP-7.7
  for (OpCode op :
       {OpCode::kGetData, OpCode::kGetChildren, OpCode::kGetChildren2, OpCode::kExists}) {
    const Answer answer = Read(op, PathWatchRequest{"/secret", true});
    EXPECT_EQ(answer.error(), ErrorCode::kNoAuth);
    EXPECT_EQ(answer.watched(), "");
  }
  EXPECT_EQ(Read(OpCode::kGetAllChildrenNumber, PathRequest{"/secret"}).error(),
            ErrorCode::kNoAuth);
  identities = {{"digest", "bob:hash"}};
  EXPECT_EQ(Read(OpCode::kGetData, PathWatchRequest{"/secret"}).error(), ErrorCode::kOk);
  identities = {{"super", ""}};  // CP-7.20
  EXPECT_EQ(Read(OpCode::kExists, PathWatchRequest{"/secret"}).error(), ErrorCode::kOk);
}

TEST_F(Reads, OfExistenceWatchEvenWhatIsMissing) {  // CP-4.2, CP-9.3
  const Answer there = Read(OpCode::kExists, PathWatchRequest{"/a", true});
  EXPECT_EQ(there.body(), StatBytes("/a"));
  EXPECT_EQ(there.watched(), "/a " + std::to_string(kDataStandard));
  const Answer missing = Read(OpCode::kExists, PathWatchRequest{"/no", true});
  EXPECT_EQ(missing.error(), ErrorCode::kNoNode);
  EXPECT_EQ(missing.watched(), "/no " + std::to_string(kDataStandard));
}

TEST_F(Reads, TakeMalformedPathsForMissingNodes) {  // CP-6.5, CP-6.6
  const std::string_view nul("/a\0", 3);
  for (std::string_view path :
       {std::string_view("foo"), std::string_view("/a/"), std::string_view("//a"), nul}) {
    EXPECT_EQ(Read(OpCode::kGetData, PathWatchRequest{path}).error(), ErrorCode::kNoNode);
    EXPECT_EQ(Read(OpCode::kGetChildren, PathWatchRequest{path}).error(), ErrorCode::kNoNode);
    EXPECT_EQ(Read(OpCode::kGetAcl, PathRequest{path}).error(), ErrorCode::kNoNode);
  }
  EXPECT_EQ(Read(OpCode::kExists, PathWatchRequest{"/a/"}).error(), ErrorCode::kNoNode);
  const Answer exists = Read(OpCode::kExists, PathWatchRequest{nul, true});
  EXPECT_EQ(exists.error(), ErrorCode::kBadArguments);
  EXPECT_EQ(exists.watched(), "");
}

TEST_F(Reads, TakeTheEmptyPathForTheRoot) {  // CP-6.13
  EXPECT_EQ(Read(OpCode::kGetData, PathWatchRequest{""}).body(),
            Read(OpCode::kGetData, PathWatchRequest{"/"}).body());
  EXPECT_EQ(Read(OpCode::kExists, PathWatchRequest{""}).body(), StatBytes("/"));
}

TEST_F(Reads, OfChildrenGiveNamesInAnyOrder) {  // CP-4.10
  const Answer plain = Read(OpCode::kGetChildren, PathWatchRequest{"/a", true});
  auto names = *plain.body_as<GetChildrenResponse>().children;
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names, (std::vector<std::string_view>{"b", "c"}));
  EXPECT_EQ(plain.watched(), "/a " + std::to_string(kChildStandard));

  const Answer with_stat = Read(OpCode::kGetChildren2, PathWatchRequest{"/a", true});
  EXPECT_EQ(with_stat.body_as<GetChildren2Response>().children->size(), 2u);
  EXPECT_EQ(Print(with_stat.body_as<GetChildren2Response>().stat), Print(t.StatOf("/a")));
  EXPECT_EQ(with_stat.watched(), "/a " + std::to_string(kChildStandard));

  EXPECT_EQ(Read(OpCode::kGetChildren, PathWatchRequest{"/a/b"}).body(), std::string(4, '\0'));
}

TEST_F(Reads, OfAclsNeedReadOrAdmin) {  // CP-7.8
  EXPECT_EQ(Read(OpCode::kGetAcl, PathRequest{"/secret"}).error(), ErrorCode::kNoAuth);
  const Answer redacted = Read(OpCode::kGetAcl, PathRequest{"/listed"});
  EXPECT_EQ(redacted.body(), Encoded(GetAclResponse{std::vector<Acl>{Entry(1, "world", "anyone"),
                                                                     Entry(31, "digest", "bob:x")},
                                                    t.StatOf("/listed")}));
  identities = {{"digest", "bob:hash"}};
  const Answer full = Read(OpCode::kGetAcl, PathRequest{"/listed"});
  EXPECT_EQ(full.body(), Encoded(GetAclResponse{std::vector<Acl>{Entry(1, "world", "anyone"),
                                                                 Entry(31, "digest", "bob:hash")},
                                                t.StatOf("/listed")}));
}

TEST_F(Reads, OfChildrenNumbersCountAllDepths) {  // CP-4.7
  const auto count = [&](std::string_view path) {
    return Read(OpCode::kGetAllChildrenNumber, PathRequest{path})
        .body_as<GetAllChildrenNumberResponse>()
        .total_number;
  };
  EXPECT_EQ(count("/"), 3 + 5);
  EXPECT_EQ(count(""), 3 + 5 + 1);
  EXPECT_EQ(count("/a"), 2);
  EXPECT_EQ(count("/a/b"), 0);
}

TEST_F(Reads, OfEphemeralsTakeAStringPrefix) {  // CP-4.6
  t.session = kBob;
  t.Create("/bobs", "", 1);
  t.session = kAlice;
  t.Create("/w", "");
  t.Create("/w/e1", "", 1);
  t.Create("/w/e2", "", 1);
  const auto listed = [&](std::string_view prefix) {
    const Answer answer = Read(OpCode::kGetEphemerals, PathRequest{prefix});
    const auto response = answer.body_as<GetChildrenResponse>();
    std::string text;
    for (std::string_view path : response.children.value_or(std::vector<std::string_view>{})) {
      text += std::string(path) + " ";
    }
    return text;
  };
  for (std::string_view all : {std::string_view(), std::string_view(""), std::string_view("  "),
                               std::string_view("/"), std::string_view(" / ")}) {
    EXPECT_EQ(listed(all), "/a/b /w/e1 /w/e2 ");
  }
  EXPECT_EQ(listed("/w/e"), "/w/e1 /w/e2 ");
  EXPECT_EQ(listed("/w/e2"), "/w/e2 ");
  EXPECT_EQ(listed("/b"), "");
}

TEST_F(Reads, OfSeveralNodesAnswerEach) {  // CP-8.11
  MultiReadRequest multi;
  multi.elements = {{OpCode::kGetData, {"/a", true}},
                    {OpCode::kGetData, {"/no", true}},
                    {OpCode::kGetChildren, {"/a/b", true}},
                    {OpCode::kGetChildren, {"/secret", true}}};
  const Answer answer = Read(OpCode::kMultiRead, multi);
  EXPECT_EQ(answer.error(), ErrorCode::kOk);
  EXPECT_EQ(answer.body(), Encoded(MultiHeader{4, false, 0}) +
                               Encoded(GetDataResponse{"data", t.StatOf("/a")}) +
                               Encoded(MultiHeader{-1, false, -101}) +
                               Encoded(ErrorResponse{-101}) + Encoded(MultiHeader{8, false, 0}) +
                               Encoded(GetChildrenResponse{std::vector<std::string_view>{}}) +
                               Encoded(MultiHeader{-1, false, -102}) +
                               Encoded(ErrorResponse{-102}) + Encoded(kMultiEnd));
  EXPECT_EQ(answer.watched(), "");
  EXPECT_EQ(Read(OpCode::kMultiRead, MultiReadRequest{}).body(), Encoded(kMultiEnd));
}

TEST_F(Reads, OfSeveralNodesRefuseWrites) {  // CP-8.12
  MultiReadRequest multi;
  multi.elements = {{OpCode::kGetData, {"/a"}}};
  multi.forbidden_element = true;
  const Answer answer = Read(OpCode::kMultiRead, multi);
  EXPECT_EQ(answer.error(), ErrorCode::kMarshallingError);
  EXPECT_EQ(answer.body(), Encoded(kMultiEnd));
}

// --- setWatches (9.6) -------------------------------------------------------------------------

using List = std::vector<std::string_view>;
const std::string kDataMode = " " + std::to_string(kDataStandard);
const std::string kChildMode = " " + std::to_string(kChildStandard);

// /a: mzxid 1, pzxid 3 (its youngest child).
TEST_F(Reads, ThatSetDataWatchesCatchUp) {  // CP-9.17, CP-9.18
  const auto set = [&](int64_t relative_zxid, List paths) {
    return Read(OpCode::kSetWatches, SetWatchesRequest{relative_zxid, paths, List{}, List{}});
  };
  EXPECT_EQ(set(1, {"/a"}).watched(), "/a" + kDataMode) << "mzxid = relativeZxid";
  EXPECT_EQ(set(1, {"/a"}).events(), "");
  EXPECT_EQ(set(0, {"/a"}).watched(), "");
  EXPECT_EQ(set(0, {"/a"}).events(), "3 /a");
  EXPECT_EQ(set(9, {"/no"}).events(), "2 /no");
  EXPECT_EQ(set(9, {"/no"}).watched(), "");
}

TEST_F(Reads, ThatSetExistWatchesCatchUp) {  // CP-9.17
  const Answer answer =
      Read(OpCode::kSetWatches, SetWatchesRequest{9, List{}, List{"/a", "/no"}, List{}});
  EXPECT_EQ(answer.events(), "1 /a");
  EXPECT_EQ(answer.watched(), "/no" + kDataMode);
}

TEST_F(Reads, ThatSetChildWatchesCatchUp) {  // CP-9.17
  const auto set = [&](int64_t relative_zxid, List paths) {
    return Read(OpCode::kSetWatches, SetWatchesRequest{relative_zxid, List{}, List{}, paths});
  };
  EXPECT_EQ(set(3, {"/a"}).watched(), "/a" + kChildMode);
  EXPECT_EQ(set(2, {"/a"}).events(), "4 /a");
  EXPECT_EQ(set(9, {"/no"}).events(), "2 /no");
  EXPECT_EQ(set(9, {"/no"}).watched(), "");
}

TEST_F(Reads, ThatSetWatchesGoThroughTheListsInOrder) {  // CP-9.17
  const Answer answer =
      Read(OpCode::kSetWatches,
           SetWatchesRequest{0, List{"/no", "/a"}, List{"/a", "/new"}, List{"/a", "/no"}});
  EXPECT_EQ(answer.events(), "2 /no, 3 /a, 1 /a, 4 /a, 2 /no");
  EXPECT_EQ(answer.watched(), "/new" + kDataMode);
  EXPECT_EQ(answer.body(), "");  // CP-4.5
}

TEST_F(Reads, ThatSetWatchesDoNotCheckAcls) {  // client-protocol 9.6
  EXPECT_EQ(
      Read(OpCode::kSetWatches, SetWatchesRequest{0, List{"/secret"}, List{}, List{}}).events(),
      "3 /secret");
}

TEST_F(Reads, ThatSetPersistentWatchesAreSilent) {  // CP-9.19
  const Answer answer = Read(
      OpCode::kSetWatches2,
      SetWatches2Request{0, List{}, List{}, List{}, List{"/a", "nonsense"}, List{"/no", "/a"}});
  EXPECT_EQ(answer.events(), "");
  const std::string both = " " + std::to_string(kDataPersistent | kChildPersistent);
  const std::string recursive = " " + std::to_string(kDataRecursive);
  EXPECT_EQ(answer.watched(),
            "/a" + both + ", nonsense" + both + ", /no" + recursive + ", /a" + recursive);
}

TEST_F(Reads, ThatSetWatchesFailAtANullListAfterTheOnesBefore) {  // CP-9.20
  const auto refused = [&](const Answer& answer) {
    EXPECT_EQ(answer.error(), ErrorCode::kMarshallingError);
    return answer.watched();
  };
  const JuteVector<std::string_view> null;
  EXPECT_EQ(refused(Read(OpCode::kSetWatches, SetWatchesRequest{9, null, List{"/n"}, List{}})), "");
  EXPECT_EQ(refused(Read(OpCode::kSetWatches, SetWatchesRequest{9, List{"/a"}, null, List{}})),
            "/a" + kDataMode);
  EXPECT_EQ(refused(Read(OpCode::kSetWatches, SetWatchesRequest{9, List{"/a"}, List{"/n"}, null})),
            "/a" + kDataMode + ", /n" + kDataMode);
  EXPECT_EQ(refused(Read(OpCode::kSetWatches2,
                         SetWatches2Request{9, List{"/a"}, List{}, List{}, null, List{"/r"}})),
            "/a" + kDataMode);
  EXPECT_EQ(refused(Read(OpCode::kSetWatches2,
                         SetWatches2Request{9, List{}, List{}, List{}, List{}, null})),
            "");
}

}  // namespace
}  // namespace lockkeeper
