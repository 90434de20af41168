// The four-letter words (storage-and-operations 5): which there are, what each needs, and what each
// answers. Pure: the shell reads the word, gathers a ServerView and sends the text.
//
// The life of a word, on a connection without a session:
//   const Word* word = FindWord(first_four_bytes);        // null: a frame length
//   if (!whitelist.Allows(*word)) send RefusalText(*word);
//   else carry out ActionOf(*word, serving), gather PartsOf(*word, serving), send
//        AnswerText(*word, view);
//   close the connection. kClose and kSetTraceMask without its 8 bytes close without a text.
#ifndef LOCKKEEPER_SERVER_ADMIN_FOUR_LETTER_WORDS_H_
#define LOCKKEEPER_SERVER_ADMIN_FOUR_LETTER_WORDS_H_

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "server/admin/server_view.h"

namespace lockkeeper {

// What the shell does before it gathers the view for the answer.
enum class WordAction : uint8_t {
  kNone,
  kResetConnectionStats,  // of the connections of the word's port
  kResetServerStats,      // Metrics::Reset and, on a leader, the proposal sizes
  kSetTraceMask,          // to the 8 bytes after the word, a big-endian number
  kClose,                 // nothing is answered
};

inline constexpr size_t kTraceMaskBytes = 8;
inline constexpr int64_t kDefaultTraceMask = 306;

enum class WhenNotServing : uint8_t {
  kAnswers,
  kRefuses,
  kRefusesWithoutNewline,
  kSaysNull,
};

struct Word {
  int32_t code;  // the first four bytes of the connection as a big-endian number
  std::string_view name;
  ViewParts parts;
  WordAction action;
  WhenNotServing when_not_serving;
  std::string (*text)(const ServerView&);
};

// The one table of words.
std::span<const Word> AllWords();

// Null if the bytes are no known word.
const Word* FindWord(int32_t first_four_bytes);

// Which words may be used: 4lw.commands.whitelist. Immutable.
class WordWhitelist {
 public:
  // `setting`: names separated by commas, blanks around them ignored; `*` is all of them. srvr is
  // always allowed, and isro when read-only mode is enabled.
  WordWhitelist(std::string_view setting, bool read_only_mode_enabled);
  bool Allows(const Word& word) const { return allowed_.contains(word.name); }

 private:
  std::set<std::string_view> allowed_;  // names in the table of words
};

// The answer to a word that is not in the whitelist.
std::string RefusalText(const Word& word);

// A word that is refused because the server is not serving does nothing and needs nothing.
WordAction ActionOf(const Word& word, bool serving);
ViewParts PartsOf(const Word& word, bool serving);

// REQUIRES: `view` has the parts of PartsOf(word, view.serving).
std::string AnswerText(const Word& word, const ServerView& view);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_ADMIN_FOUR_LETTER_WORDS_H_
