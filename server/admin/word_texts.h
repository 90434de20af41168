// The answers of the four-letter words, byte for byte (storage-and-operations 5.4). Each function
// prints the parts of the view that its word names in four_letter_words.cc.
#ifndef LOCKKEEPER_SERVER_ADMIN_WORD_TEXTS_H_
#define LOCKKEEPER_SERVER_ADMIN_WORD_TEXTS_H_

#include <string>

#include "server/admin/server_view.h"

namespace lockkeeper {

std::string RuokText(const ServerView& view);
std::string IsroText(const ServerView& view);
std::string TraceMaskText(const ServerView& view);  // gtmk and stmk
std::string CrstText(const ServerView& view);
std::string SrstText(const ServerView& view);
std::string SrvrText(const ServerView& view);
std::string StatText(const ServerView& view);
std::string ConsText(const ServerView& view);
std::string ConfText(const ServerView& view);
std::string DumpText(const ServerView& view);
std::string WchsText(const ServerView& view);
std::string WchcText(const ServerView& view);
std::string WchpText(const ServerView& view);
std::string DirsText(const ServerView& view);
std::string HashText(const ServerView& view);
std::string EnviText(const ServerView& view);
std::string MntrText(const ServerView& view);
std::string EmptyText(const ServerView& view);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_ADMIN_WORD_TEXTS_H_
