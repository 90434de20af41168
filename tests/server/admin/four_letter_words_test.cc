#include "server/admin/four_letter_words.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <utility>

#include "tests/server/admin/admin_test_support.h"

namespace lockkeeper {
namespace {

constexpr int32_t kTelnetInterrupt = static_cast<int32_t>(0xFFF4FFFD);

const Word& WordNamed(std::string_view name) {
  for (const Word& word : AllWords()) {
    if (word.name == name) return word;
  }
  ADD_FAILURE() << "no word " << name;
  return AllWords().front();
}

int32_t BigEndian(std::string_view bytes) {
  int32_t number = 0;
  for (const char c : bytes) number = number * 256 + c;  // ASCII only
  return number;
}

TEST(FourLetterWords, SO_5_1_EveryWordIsFoundByItsFourBytes) {
  const std::set<std::string_view> expected = {"conf", "cons", "crst", "dirs", "dump", "envi",
                                               "gtmk", "ruok", "stmk", "srst", "srvr", "stat",
                                               "wchc", "wchp", "wchs", "mntr", "isro", "hash"};
  for (const std::string_view name : expected) {
    const Word* word = FindWord(BigEndian(name));
    ASSERT_NE(word, nullptr) << name;
    EXPECT_EQ(word->name, name);
  }
  EXPECT_EQ(AllWords().size(), expected.size() + 1) << "and telnet close";
}

TEST(FourLetterWords, SO_5_13_OtherBytesAreNoWord) {
  for (const char* bytes :
       {"lead", "icfg", "RUOK", "ruoK", "GET ", "lsnp", "obsr", "sysp", "kill"}) {
    EXPECT_EQ(FindWord(BigEndian(bytes)), nullptr) << bytes;
  }
  for (const int32_t length : {0, 1, 45, 1048575, -1, INT32_MAX, INT32_MIN}) {
    EXPECT_EQ(FindWord(length), nullptr) << length;
  }
}

TEST(FourLetterWords, SO_5_13_TelnetInterruptIsAWordThatCloses) {
  const Word* word = FindWord(kTelnetInterrupt);
  ASSERT_NE(word, nullptr);
  EXPECT_EQ(word->name, "telnet close");
  EXPECT_EQ(ActionOf(*word, true), WordAction::kClose);
  EXPECT_EQ(ActionOf(*word, false), WordAction::kClose);
  EXPECT_EQ(AnswerText(*word, {}), "");
  EXPECT_FALSE(WordWhitelist("ruok", false).Allows(*word));
  EXPECT_TRUE(WordWhitelist("*", false).Allows(*word));
  EXPECT_EQ(RefusalText(*word),
            "telnet close is not executed because it is not in the whitelist.\n");
}

TEST(FourLetterWords, SO_5_2_OnlySrvrIsAllowedByDefault) {
  const WordWhitelist whitelist("", false);
  for (const Word& word : AllWords()) EXPECT_EQ(whitelist.Allows(word), word.name == "srvr");
}

TEST(FourLetterWords, SO_5_2_TheWhitelistNamesWordsBetweenCommas) {
  const WordWhitelist whitelist(" mntr,\truok ,,nope, CONF", false);
  for (const Word& word : AllWords()) {
    EXPECT_EQ(whitelist.Allows(word),
              word.name == "mntr" || word.name == "ruok" || word.name == "srvr")
        << word.name;
  }
}

TEST(FourLetterWords, SO_5_2_AStarAllowsEveryWord) {
  for (const char* setting : {"*", "ruok, *"}) {
    const WordWhitelist whitelist(setting, false);
    for (const Word& word : AllWords()) EXPECT_TRUE(whitelist.Allows(word)) << word.name;
  }
}

TEST(FourLetterWords, SO_5_2_TheRefusalHas57Bytes) {
  EXPECT_EQ(RefusalText(WordNamed("mntr")),
            "mntr is not executed because it is not in the whitelist.\n");
  EXPECT_EQ(RefusalText(WordNamed("mntr")).size(), 57u);
}

TEST(FourLetterWords, SO_5_3_IsroIsAllowedWithReadOnlyMode) {
  EXPECT_TRUE(WordWhitelist("", true).Allows(WordNamed("isro")));
  EXPECT_FALSE(WordWhitelist("", false).Allows(WordNamed("isro")));
}

TEST(FourLetterWords, SO_5_4_RefusesWhileNotServing) {
  ServerView view;
  view.serving = false;
  for (const char* name : {"conf", "cons", "crst", "dump", "srst", "srvr", "stat", "wchs", "wchc",
                           "wchp", "dirs", "mntr"}) {
    EXPECT_EQ(AnswerText(WordNamed(name), view), Capture("not_serving_srvr")) << name;
  }
  EXPECT_EQ(AnswerText(WordNamed("hash"), view), Capture("not_serving_hash"));
  EXPECT_EQ(AnswerText(WordNamed("isro"), view), Capture("not_serving_isro"));
  EXPECT_TRUE(Capture("not_serving_srvr").ends_with("requests\n"));
  EXPECT_EQ(Capture("not_serving_isro"), "null");
}

TEST(FourLetterWords, SO_5_4_SomeWordsAnswerWhileNotServing) {
  ServerView view;
  view.serving = false;
  view.trace_mask = kDefaultTraceMask;
  EXPECT_EQ(AnswerText(WordNamed("ruok"), view), "imok");
  EXPECT_EQ(AnswerText(WordNamed("gtmk"), view), "306");
  EXPECT_EQ(AnswerText(WordNamed("stmk"), view), "306");
  EXPECT_TRUE(AnswerText(WordNamed("envi"), view).starts_with("Environment:\nzookeeper.version="));
  EXPECT_EQ(PartsOf(WordNamed("envi"), false), ViewParts{kNeedsEnvironment});
  EXPECT_EQ(ActionOf(WordNamed("stmk"), false), WordAction::kSetTraceMask);
}

TEST(FourLetterWords, SO_5_4_ARefusedWordDoesNothingAndNeedsNothing) {
  EXPECT_EQ(ActionOf(WordNamed("srst"), true), WordAction::kResetServerStats);
  EXPECT_EQ(ActionOf(WordNamed("srst"), false), WordAction::kNone);
  EXPECT_EQ(ActionOf(WordNamed("crst"), true), WordAction::kResetConnectionStats);
  EXPECT_EQ(ActionOf(WordNamed("crst"), false), WordAction::kNone);
  EXPECT_NE(PartsOf(WordNamed("mntr"), true), ViewParts{kNoParts});
  EXPECT_EQ(PartsOf(WordNamed("mntr"), false), ViewParts{kNoParts});
}

// A part that a word prints without naming it would stay empty in the server.
TEST(FourLetterWords, EachWordNamesThePartsThatItPrints) {
  const ServerView empty;
  for (uint32_t part = 1; part <= kNeedsMetrics; part <<= 1) {
    ServerView view;
    if (part == kNeedsConnections) view.connections.emplace_back();
    if (part == kNeedsSessions) view.sessions.tracked.emplace_back();
    if (part == kNeedsEphemerals) view.ephemerals.emplace_back();
    if (part == kNeedsConnectionExpiry) view.connection_buckets.emplace_back();
    if (part == kNeedsWatchSummary) view.watch_summary.watches = 1;
    if (part == kNeedsWatchesBySession) view.watches.emplace_back();
    if (part == kNeedsWatchesByPath) view.watchers.emplace_back();
    if (part == kNeedsDigests) view.digests.emplace_back();
    if (part == kNeedsDirectorySizes) view.data_dir_bytes = 1;
    if (part == kNeedsConfig) view.config.tick_time_ms = 1;
    if (part == kNeedsEnvironment) view.environment.host_name = "h";
    if (part == kNeedsMetrics) view.metrics.push_back({"m", int64_t{1}});
    for (const Word& word : AllWords()) {
      const bool prints_it = AnswerText(word, view) != AnswerText(word, empty);
      EXPECT_EQ(prints_it, (word.parts & part) != 0) << word.name << ", part " << part;
    }
  }
}

// What an Apache server showed as `lop` after each operation, failed ones included.
TEST(OperationLabel, SO_5_7_IsTheNameThatAnApacheServerPrints) {
  const std::pair<OpCode, std::string_view> labels[] = {
      {OpCode::kCreateSession, "SESS"},
      {OpCode::kPing, "PING"},
      {OpCode::kCreate, "CREA"},
      {OpCode::kCreate2, "CREA"},
      {OpCode::kCreateContainer, "CREA"},
      {OpCode::kCreateTtl, "CREA"},
      {OpCode::kDelete, "DELE"},
      {OpCode::kExists, "EXIS"},
      {OpCode::kGetData, "GETD"},
      {OpCode::kSetData, "SETD"},
      {OpCode::kGetAcl, "GETA"},
      {OpCode::kSetAcl, "SETA"},
      {OpCode::kGetChildren, "GETC"},
      {OpCode::kGetChildren2, "GETC"},
      {OpCode::kGetAllChildrenNumber, "GETACN"},
      {OpCode::kGetEphemerals, "GETE"},
      {OpCode::kSync, "SYNC"},
      {OpCode::kMulti, "MULT"},
      {OpCode::kMultiRead, "MLTR"},
      {OpCode::kSetWatches, "SETW"},
      {OpCode::kSetWatches2, "STW2"},
      {OpCode::kAddWatch, "ADDW"},
      {OpCode::kCheckWatches, "CHKW"},
      {OpCode::kRemoveWatches, "REMW"},
      {OpCode::kWhoAmI, "HOMI"},
      {OpCode::kAuth, ""},
  };
  for (const auto& [op, label] : labels) EXPECT_EQ(OperationLabel(op), label);
  EXPECT_EQ(kNoOperationLabel, "NA");
}

}  // namespace
}  // namespace lockkeeper
