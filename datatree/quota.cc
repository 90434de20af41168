#include "datatree/quota.h"

#include <charconv>

#include "datatree/path.h"

namespace lockkeeper {
namespace {

std::optional<int64_t> ParseNumber(std::string_view text) {
  if (text.empty()) return -1;
  int64_t value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool Store(QuotaNumbers* numbers, std::string_view key, int64_t value) {
  if (key == "count") {
    numbers->count = value;
  } else if (key == "bytes") {
    numbers->bytes = value;
  } else if (key == "countHardLimit") {
    numbers->count_hard_limit = value;
  } else if (key == "byteHardLimit") {
    numbers->byte_hard_limit = value;
  }
  return true;
}

}  // namespace

std::optional<QuotaNumbers> ParseQuota(std::string_view text) {
  QuotaNumbers numbers;
  while (!text.empty()) {
    const size_t end = text.find_first_of(",;");
    const std::string_view item = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (item.empty()) continue;
    const size_t equals = item.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    std::string_view digits = item.substr(equals + 1);
    digits = digits.substr(0, digits.find('='));  // "bytes=10=" stands before hard limits
    const std::optional<int64_t> value = ParseNumber(digits);
    if (!value || !Store(&numbers, item.substr(0, equals), *value)) return std::nullopt;
  }
  return numbers;
}

std::string FormatQuota(const QuotaNumbers& numbers) {
  std::string text =
      "count=" + std::to_string(numbers.count) + ",bytes=" + std::to_string(numbers.bytes);
  if (numbers.byte_hard_limit == -1 && numbers.count_hard_limit == -1) return text;
  text += '=';
  if (numbers.byte_hard_limit != -1) {
    text += ";byteHardLimit=" + std::to_string(numbers.byte_hard_limit);
  }
  if (numbers.count_hard_limit != -1) {
    text += ";countHardLimit=" + std::to_string(numbers.count_hard_limit);
  }
  return text;
}

std::optional<std::string_view> QuotaSubject(std::string_view path, std::string_view name) {
  if (path.size() <= kQuotaPath.size() || !path.starts_with(kQuotaPath) ||
      path[kQuotaPath.size()] != '/' || LastName(path) != name) {
    return std::nullopt;
  }
  const std::string_view subject =
      path.substr(kQuotaPath.size(), path.size() - kQuotaPath.size() - name.size() - 1);
  if (subject.empty()) return std::nullopt;
  return subject;
}

std::string LimitsPathOf(std::string_view subject) {
  return std::string(kQuotaPath).append(subject).append("/").append(kLimitsName);
}

std::string StatsPathOf(std::string_view subject) {
  return std::string(kQuotaPath).append(subject).append("/").append(kStatsName);
}

void QuotaTable::Remove(std::string_view subject) {
  const auto found = subjects_.find(subject);
  if (found != subjects_.end()) subjects_.erase(found);
}

const std::string* QuotaTable::LongestPrefix(std::string_view path) const {
  if (subjects_.empty()) return nullptr;
  while (path.size() > 1) {
    const auto found = subjects_.find(path);
    if (found != subjects_.end()) return &*found;
    path = ParentPath(path);
  }
  return nullptr;
}

}  // namespace lockkeeper
