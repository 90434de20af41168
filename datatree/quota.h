// Quotas: which subtrees have one, and the text of limits and statistics
// (client-protocol 6.3, storage-and-operations 9).
#ifndef LOCKKEEPER_DATATREE_QUOTA_H_
#define LOCKKEEPER_DATATREE_QUOTA_H_

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace lockkeeper {

inline constexpr std::string_view kLimitsName = "zookeeper_limits";
inline constexpr std::string_view kStatsName = "zookeeper_stats";

// The numbers in a limits or stats node. -1: none.
struct QuotaNumbers {
  int64_t count = -1;
  int64_t bytes = -1;
  int64_t count_hard_limit = -1;
  int64_t byte_hard_limit = -1;
};

// nullopt: not a text that ZooKeeper can read.
std::optional<QuotaNumbers> ParseQuota(std::string_view text);
// "count=2,bytes=10", with hard limits "count=2,bytes=10=;byteHardLimit=20;countHardLimit=3".
std::string FormatQuota(const QuotaNumbers& numbers);

// The path P that /zookeeper/quota/P/<name> is about; nullopt for other nodes and for P = "/",
// which cannot have a quota.
std::optional<std::string_view> QuotaSubject(std::string_view path, std::string_view name);
std::string LimitsPathOf(std::string_view subject);
std::string StatsPathOf(std::string_view subject);

// The subtrees that have a limits node.
class QuotaTable {
 public:
  void Add(std::string_view subject) { subjects_.emplace(subject); }
  void Remove(std::string_view subject);
  // The longest subject that is `path` or an ancestor of it; null if none.
  const std::string* LongestPrefix(std::string_view path) const;
  bool empty() const { return subjects_.empty(); }
  const std::set<std::string, std::less<>>& subjects() const { return subjects_; }

 private:
  std::set<std::string, std::less<>> subjects_;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_DATATREE_QUOTA_H_
