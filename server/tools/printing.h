// How the tools write what is in files: as text for people and grep, as JSON without any loss.
//
// Text: printable UTF-8 stays, everything else becomes \xNN, so that a line stays a line.
// JSON: 64-bit ids as "0x..." strings, since many readers of JSON keep only 53 bits; data as
//       base64; a string that is not UTF-8 as {"base64": ...}; null stays null.
#ifndef LOCKKEEPER_SERVER_TOOLS_PRINTING_H_
#define LOCKKEEPER_SERVER_TOOLS_PRINTING_H_

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "protocol/txn.h"

namespace lockkeeper {

// Keeps the order in which keys are added.
using Json = nlohmann::ordered_json;

// How much of a znode's data a line of text shows.
inline constexpr size_t kPreviewBytes = 64;

// 2026-11-21T05:13:19.123Z; "time <ms>" outside the years 1 to 9999.
std::string IsoTime(int64_t ms);

// A whole string, or "null".
std::string PathText(std::string_view path);
// `5 "first"`, with "..." behind a preview that is not all; "null".
std::string DataText(std::string_view data);
// [31 world:anyone, 1 ip:127.0.0.1]; "null".
std::string AclText(const JuteVector<Acl>& acl);

Json StringJson(std::string_view text);
// Base64 or null.
Json DataJson(std::string_view data);
Json AclJson(const JuteVector<Acl>& acl);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_TOOLS_PRINTING_H_
