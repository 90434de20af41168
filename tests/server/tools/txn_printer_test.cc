// What the tools show of a transaction: one line of text, and JSON without any loss.
#include "server/tools/txn_printer.h"

#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "protocol/op_code.h"
#include "tests/protocol/random_record.h"

namespace lockkeeper {
namespace {

constexpr int kRounds = 300;

template <Record R>
std::string PayloadOf(OpCode type, const R& body, bool with_digest = true) {
  TxnHeader header{.client_id = 0x100ab, .cxid = 3, .zxid = 0x200000005, .time = 1763701999123};
  header.type = static_cast<int32_t>(type);
  std::string payload = Encoded(header) + Encoded(body);
  if (with_digest) payload += Encoded(TxnDigest{.tree_digest = 0x51c6d660});
  return payload;
}

template <Record R>
std::string TextOf(OpCode type, const R& body, bool with_digest = true) {
  const std::string payload = PayloadOf(type, body, with_digest);
  const std::string text = TextOfTxn(DecodeTxn(payload));
  const std::string head = "2025-11-21T05:13:19.123Z session 0x100ab cxid 0x3 zxid 0x200000005 ";
  const std::string tail = " digest 2:0x51c6d660";
  EXPECT_TRUE(text.starts_with(head)) << text;
  EXPECT_EQ(text.ends_with(tail), with_digest) << text;
  return text.substr(head.size(), text.size() - head.size() - (with_digest ? tail.size() : 0));
}

const JuteVector<Acl> kAcl{{{31, {"world", "anyone"}}, {1, {"ip", "127.0.0.1"}}}};

TEST(TxnText, SO_2_3_EveryTypeIsReadable) {
  const std::string acl = "acl=[31 world:anyone, 1 ip:127.0.0.1]";
  EXPECT_EQ(TextOf(OpCode::kCreate, CreateTxn{"/a b", "x\ny", kAcl, true, 4}),
            "create /a b data=3 \"x\\x0ay\" " + acl + " ephemeral=true parentCversion=4");
  EXPECT_EQ(TextOf(OpCode::kCreate2, CreateTxn{"/ü", {}, std::nullopt, false, -1}),
            "create2 /ü data=null acl=null ephemeral=false parentCversion=-1");
  EXPECT_EQ(TextOf(OpCode::kCreate, CreateTxnV0{"/old", "", kAcl, false}, false),
            "create /old data=0 \"\" " + acl + " ephemeral=false");
  EXPECT_EQ(TextOf(OpCode::kCreateContainer, CreateContainerTxn{"/c", "d", kAcl, 2}),
            "createContainer /c data=1 \"d\" " + acl + " parentCversion=2");
  EXPECT_EQ(TextOf(OpCode::kCreateTtl, CreateTtlTxn{"/t", "d", kAcl, 2, 60000}),
            "createTtl /t data=1 \"d\" " + acl + " parentCversion=2 ttlMs=60000");
  EXPECT_EQ(TextOf(OpCode::kDelete, DeleteTxn{"/a"}), "delete /a");
  EXPECT_EQ(TextOf(OpCode::kDeleteContainer, DeleteTxn{"/a"}), "deleteContainer /a");
  EXPECT_EQ(TextOf(OpCode::kSetData, SetDataTxn{"/a", "\"", 7}),
            "setData /a data=1 \"\\x22\" version=7");
  EXPECT_EQ(TextOf(OpCode::kReconfig, SetDataTxn{"/zookeeper/config", "s", -1}),
            "reconfig /zookeeper/config data=1 \"s\" version=-1");
  EXPECT_EQ(TextOf(OpCode::kSetAcl, SetAclTxn{"/a", kAcl, 1}), "setACL /a " + acl + " version=1");
  EXPECT_EQ(TextOf(OpCode::kCreateSession, CreateSessionTxn{10000}),
            "createSession timeoutMs=10000");
  EXPECT_EQ(TextOf(OpCode::kCloseSession, CloseSessionTxn{{{"/e", "/f"}}}),
            "closeSession pathsToDelete=[/e, /f]");
  EXPECT_EQ(TextOf(OpCode::kError, ErrorTxn{-101}, false), "error -101 NoNode");
  EXPECT_EQ(TextOf(OpCode::kError, ErrorTxn{-9999}, false), "error -9999 unknown");
}

TEST(TxnText, SO_2_3_EachElementOfAMultiIsShown) {
  const std::string set = Encoded(SetDataTxn{"/a", "v", 2});
  const std::string check = Encoded(CheckVersionTxn{"/b", 5});
  const std::string error = Encoded(ErrorTxn{-110});
  const MultiTxn multi{{{{5, set}, {13, check}, {-1, error}, {77, "?"}}}};
  EXPECT_EQ(
      TextOf(OpCode::kMulti, multi),
      "multi 4 {setData /a data=1 \"v\" version=2; check /b version=5; error -110 NodeExists; "
      "unknown 77 unreadable=1 \"?\"}");
}

TEST(TxnText, DataIsCutBetweenCharactersAndSaysHowLongItIs) {
  std::string data(kPreviewBytes - 1, 'x');
  data += "üüü";
  EXPECT_EQ(DataText(data),
            std::to_string(data.size()) + " \"" + std::string(kPreviewBytes - 1, 'x') + "\"...");
  EXPECT_EQ(DataText(std::string_view("\xc3\x28\xed\xa0\x80\xf4\x90\x80\x80", 9)),
            "9 \"\\xc3(\\xed\\xa0\\x80\\xf4\\x90\\x80\\x80\"");
  EXPECT_EQ(DataText("\xc2\x85"), "2 \"\\xc2\\x85\"") << "a line break for some tools";
}

TEST(TxnText, TimesOutsideTheCalendarAreNumbers) {
  EXPECT_EQ(IsoTime(-1), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(IsoTime(int64_t{1} << 62), "time 4611686018427387904");
}

// --- the way back from JSON -------------------------------------------------------------------

std::string FromBase64(const std::string& text) {
  const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    if (c == '=') break;
    bits = bits << 6 | static_cast<uint32_t>(digits.find(c));
    count += 6;
    if (count >= 8) {
      count -= 8;
      out.push_back(static_cast<char>(bits >> count & 0xff));
    }
  }
  return out;
}

int64_t FromHex(const Json& json) {
  return static_cast<int64_t>(std::stoull(json.get<std::string>(), nullptr, 16));
}

// Makes a record again from what the JSON says of it.
class FromJson {
 public:
  template <Record R>
  R Make(const Json& json) {
    R record{};
    std::apply([&](const auto&... field) { (Take(json, field.name, &field.value), ...); },
               R::Fields(record));
    return record;
  }
  std::string_view Text(const Json& json) {
    if (json.is_null()) return {};
    if (json.is_object()) return Keep(FromBase64(json["base64"]));
    return Keep(json.get<std::string>());
  }

 private:
  std::string_view Keep(std::string bytes) {
    return bytes.empty() ? EmptyString() : std::string_view(kept_.emplace_back(std::move(bytes)));
  }
  static std::string Key(std::string_view name) {
    std::string key;
    for (size_t i = 0; i < name.size(); ++i) {
      key += name[i] == '_' ? static_cast<char>(std::toupper(name[++i])) : name[i];
    }
    return key;
  }
  template <class T>
  void Take(const Json& json, std::string_view name, T* value) {
    const Json& field = json.at(Key(name));
    if constexpr (std::is_same_v<T, std::string_view>) {
      const bool data = name == "data" && !field.is_null();
      *value = data ? Keep(FromBase64(field)) : Text(field);
    } else if constexpr (std::is_same_v<T, JuteVector<Acl>>) {
      if (field.is_null()) return;
      value->emplace();
      for (const Json& entry : field) {
        (*value)->push_back({entry["perms"], {Text(entry["scheme"]), Text(entry["id"])}});
      }
    } else if constexpr (std::is_same_v<T, JuteVector<std::string_view>>) {
      if (field.is_null()) return;
      value->emplace();
      for (const Json& item : field) (*value)->push_back(Text(item));
    } else {
      *value = field.get<T>();
    }
  }
  std::deque<std::string> kept_;
};

template <Record R>
void ExpectThatNothingIsLost(OpCode type) {
  RandomRecords random(static_cast<uint64_t>(static_cast<int32_t>(type)) + sizeof(R));
  for (int i = 0; i < kRounds; ++i) {
    const TxnHeader made = random.Make<TxnHeader>();
    TxnHeader header = made;
    header.type = static_cast<int32_t>(type);
    const std::string body = Encoded(random.Make<R>());
    const std::string payload = Encoded(header) + body + Encoded(random.Make<TxnDigest>());
    const Json json = Json::parse(JsonOfTxn(DecodeTxn(payload), 16, payload.size()).dump());

    const TxnHeader again{.client_id = FromHex(json["session"]),
                          .cxid = json["cxid"],
                          .zxid = FromHex(json["zxid"]),
                          .time = json["timeMs"],
                          .type = json["type"]};
    const TxnDigest digest{.version = json["digest"]["version"],
                           .tree_digest = FromHex(json["digest"]["value"])};
    FromJson from;
    EXPECT_EQ(Encoded(again) + Encoded(from.Make<R>(json)) + Encoded(digest), payload)
        << json.dump();
  }
}

TEST(TxnJson, SO_2_3_NothingOfAnyTypeIsLost) {
  ExpectThatNothingIsLost<CreateTxn>(OpCode::kCreate);
  ExpectThatNothingIsLost<CreateTxn>(OpCode::kCreate2);
  ExpectThatNothingIsLost<CreateContainerTxn>(OpCode::kCreateContainer);
  ExpectThatNothingIsLost<CreateTtlTxn>(OpCode::kCreateTtl);
  ExpectThatNothingIsLost<DeleteTxn>(OpCode::kDelete);
  ExpectThatNothingIsLost<DeleteTxn>(OpCode::kDeleteContainer);
  ExpectThatNothingIsLost<SetDataTxn>(OpCode::kSetData);
  ExpectThatNothingIsLost<SetDataTxn>(OpCode::kReconfig);
  ExpectThatNothingIsLost<SetAclTxn>(OpCode::kSetAcl);
  ExpectThatNothingIsLost<CreateSessionTxn>(OpCode::kCreateSession);
  ExpectThatNothingIsLost<CloseSessionTxn>(OpCode::kCloseSession);
  ExpectThatNothingIsLost<ErrorTxn>(OpCode::kError);
}

TEST(TxnJson, SO_2_3_ElementsUnreadableBodiesAndSurplusAreKept) {
  const std::string set = Encoded(SetDataTxn{"/a", "v", 2}) + "!";
  const MultiTxn multi{{{{5, set}, {77, "foobar"}}}};
  const std::string payload = PayloadOf(OpCode::kMulti, multi) + "foo";
  const Json json = JsonOfTxn(DecodeTxn(payload), 16, payload.size());
  EXPECT_EQ(json["elements"].dump(),
            R"([{"type":5,"op":"setData","path":"/a","data":"dg==","version":2,"surplus":"IQ=="},)"
            R"({"type":77,"op":"unknown 77","unreadable":"Zm9vYmFy"}])");
  EXPECT_EQ(json["surplus"], "Zm9v");
  const std::string unknown = PayloadOf(static_cast<OpCode>(78), DeleteTxn{"/a"}, false);
  EXPECT_EQ(JsonOfTxn(DecodeTxn(unknown), 16, unknown.size())["unreadable"], "AAAAAi9h");
}

TEST(LoadProblem, SO_2_3_NamesWhatAServerRefuses) {
  const auto problem = [](const std::string& payload) { return LoadProblem(DecodeTxn(payload)); };
  EXPECT_EQ(problem(PayloadOf(OpCode::kDelete, DeleteTxn{"/a"})), "");
  EXPECT_NE(problem(PayloadOf(OpCode::kDelete, DeleteTxn{"a"})), "");
  EXPECT_NE(problem(PayloadOf(static_cast<OpCode>(78), DeleteTxn{"/a"})), "");
  EXPECT_NE(problem(PayloadOf(OpCode::kMulti, MultiTxn{{{{1, "?"}}}})), "");
  EXPECT_EQ(problem(PayloadOf(OpCode::kCloseSession, DeleteTxn{}, false)), "");
}

}  // namespace
}  // namespace lockkeeper
