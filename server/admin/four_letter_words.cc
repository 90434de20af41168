#include "server/admin/four_letter_words.h"

#include <algorithm>

#include "server/admin/word_texts.h"

namespace lockkeeper {
namespace {

constexpr int32_t CodeOf(std::string_view four_letters) {
  uint32_t code = 0;
  for (const char c : four_letters) code = code << 8 | static_cast<uint8_t>(c);
  return static_cast<int32_t>(code);
}

using enum WordAction;
using enum WhenNotServing;

constexpr Word kWords[] = {
    {CodeOf("ruok"), "ruok", kNoParts, kNone, kAnswers, &RuokText},
    {CodeOf("isro"), "isro", kNoParts, kNone, kSaysNull, &IsroText},
    {CodeOf("gtmk"), "gtmk", kNoParts, kNone, kAnswers, &TraceMaskText},
    {CodeOf("stmk"), "stmk", kNoParts, kSetTraceMask, kAnswers, &TraceMaskText},
    {CodeOf("crst"), "crst", kNoParts, kResetConnectionStats, kRefuses, &CrstText},
    {CodeOf("srst"), "srst", kNoParts, kResetServerStats, kRefuses, &SrstText},
    {CodeOf("srvr"), "srvr", kNoParts, kNone, kRefuses, &SrvrText},
    {CodeOf("stat"), "stat", kNeedsConnections, kNone, kRefuses, &StatText},
    {CodeOf("cons"), "cons", kNeedsConnections, kNone, kRefuses, &ConsText},
    {CodeOf("conf"), "conf", kNeedsConfig | kNeedsDirectorySizes, kNone, kRefuses, &ConfText},
    {CodeOf("dump"), "dump", kNeedsSessions | kNeedsEphemerals | kNeedsConnectionExpiry, kNone,
     kRefuses, &DumpText},
    {CodeOf("wchs"), "wchs", kNeedsWatchSummary, kNone, kRefuses, &WchsText},
    {CodeOf("wchc"), "wchc", kNeedsWatchesBySession, kNone, kRefuses, &WchcText},
    {CodeOf("wchp"), "wchp", kNeedsWatchesByPath, kNone, kRefuses, &WchpText},
    {CodeOf("dirs"), "dirs", kNeedsDirectorySizes, kNone, kRefuses, &DirsText},
    {CodeOf("hash"), "hash", kNeedsDigests, kNone, kRefusesWithoutNewline, &HashText},
    {CodeOf("envi"), "envi", kNeedsEnvironment, kNone, kAnswers, &EnviText},
    {CodeOf("mntr"), "mntr", kNeedsMetrics, kNone, kRefuses, &MntrText},
    // What telnet sends for an interrupt.
    {CodeOf("\xFF\xF4\xFF\xFD"), "telnet close", kNoParts, kClose, kAnswers, &EmptyText},
};

constexpr std::string_view kNotServing =
    "This ZooKeeper instance is not currently serving requests";

std::string_view Trimmed(std::string_view item) {
  constexpr std::string_view kBlanks = " \t\n\v\f\r";
  const size_t first = item.find_first_not_of(kBlanks);
  if (first == item.npos) return {};
  return item.substr(first, item.find_last_not_of(kBlanks) - first + 1);
}

bool IsWordRefused(const Word& word, bool serving) {
  return !serving && word.when_not_serving != kAnswers;
}

}  // namespace

std::span<const Word> AllWords() { return kWords; }

const Word* FindWord(int32_t first_four_bytes) {
  const Word* found = std::ranges::find(kWords, first_four_bytes, &Word::code);
  return found == std::end(kWords) ? nullptr : found;
}

WordWhitelist::WordWhitelist(std::string_view setting, bool read_only_mode_enabled) {
  allowed_.insert("srvr");
  if (read_only_mode_enabled) allowed_.insert("isro");
  for (size_t begin = 0; begin <= setting.size();) {
    const size_t comma = std::min(setting.find(',', begin), setting.size());
    const std::string_view item = Trimmed(setting.substr(begin, comma - begin));
    for (const Word& word : kWords) {
      if (item == "*" || item == word.name) allowed_.insert(word.name);
    }
    begin = comma + 1;
  }
}

std::string RefusalText(const Word& word) {
  return std::string(word.name) + " is not executed because it is not in the whitelist.\n";
}

WordAction ActionOf(const Word& word, bool serving) {
  return IsWordRefused(word, serving) ? kNone : word.action;
}

ViewParts PartsOf(const Word& word, bool serving) {
  return IsWordRefused(word, serving) ? ViewParts{kNoParts} : word.parts;
}

std::string AnswerText(const Word& word, const ServerView& view) {
  if (view.serving) return word.text(view);
  switch (word.when_not_serving) {
    case kAnswers:
      return word.text(view);
    case kRefuses:
      return std::string(kNotServing) + "\n";
    case kRefusesWithoutNewline:
      return std::string(kNotServing);
    case kSaysNull:
      return "null";
  }
  return {};
}

}  // namespace lockkeeper
