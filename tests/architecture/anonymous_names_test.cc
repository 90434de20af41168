// A name in an anonymous namespace is unique in its module.
//
// The builds with sanitizers are unity builds (CMAKE_UNITY_BUILD): the compiler gets several .cc
// files of a module as one, and so their anonymous namespaces are one too. Two files that define
// the same name compile as long as they come into different units, and break as soon as a new file
// moves the borders between the units. What two files need goes into a header; otherwise each name
// says which of the two it is.
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "tests/architecture/source_files.h"

namespace lockkeeper {
namespace {

// Where a declaration's name ends, unless it names a type: at its parameters or its value, not
// within the arguments of a template.
size_t EndOfName(std::string_view declaration) {
  int angles = 0;
  for (size_t i = 0; i < declaration.size(); ++i) {
    const char c = declaration[i];
    if (c == '<') ++angles;
    if (c == '>') --angles;
    if (angles == 0 && std::string_view("([{=;").find(c) != std::string_view::npos) return i;
  }
  return std::string_view::npos;
}

// nullopt: the declaration goes on in the next line. Empty: it gives no name that would have to be
// unique, as a using declaration, which may be repeated, and an operator.
std::optional<std::string> DeclaredName(std::string declaration) {
  static const std::regex attributes(R"(^(\[\[.*?\]\] *|__extension__ +)+)");
  static const std::regex alias(R"(^using (\w+) =)");
  static const std::regex type(R"(^(?:struct|class|enum(?: class| struct)?) (\w+))");
  static const std::regex last_word(R"((?:^|[^\w:])(\w+) *$)");
  declaration = std::regex_replace(declaration, attributes, "");
  std::smatch match;
  if (std::regex_search(declaration, match, alias) || std::regex_search(declaration, match, type)) {
    return match[1];
  }
  if (declaration.starts_with("using ") || declaration.find("operator") != std::string::npos) {
    return "";
  }
  const size_t end = EndOfName(declaration);
  if (end == std::string::npos) return std::nullopt;
  declaration.resize(end);
  // A member, defined outside of its class, has colons in front of its name.
  return std::regex_search(declaration, match, last_word) ? match.str(1) : "";
}

// Relies on clang-format: declarations of a namespace begin in column 0, and so do the braces that
// close their blocks; everything else is indented.
std::set<std::string> AnonymousNames(const std::vector<std::string>& lines) {
  static const std::regex comment(" *//.*$");
  static const std::regex enumerator(R"(^ +(k\w+))");
  std::set<std::string> names;
  bool inside = false;
  bool in_block = false;  // of a function, a type or a value
  bool in_enum = false;   // without scope: its enumerators are names of the namespace
  std::string declaration;
  for (const std::string& full_line : lines) {
    const std::string line = std::regex_replace(full_line, comment, "");
    if (line == "namespace {") {
      inside = true;
      continue;
    }
    if (!inside || line.empty() || line[0] == '#') continue;
    if (line[0] == '}') {
      if (line == "}" && !in_block) inside = false;
      in_block = in_enum = false;
      continue;
    }
    std::smatch match;
    if (in_enum && std::regex_search(line, match, enumerator)) names.insert(match[1]);
    const bool begins = line[0] != ' ' && !line.starts_with("template <");
    if (begins || !declaration.empty()) {
      declaration += (declaration.empty() ? "" : " ") + line;
      if (const auto name = DeclaredName(declaration)) {
        if (!name->empty()) names.insert(*name);
        in_enum = declaration.starts_with("enum ") && !declaration.starts_with("enum class ");
        declaration.clear();
      }
    }
    in_block |= line.ends_with('{');
  }
  return names;
}

// Of each module, the names that more than one .cc file has, with the files.
std::map<std::string, std::set<std::string>> RepeatedNames(const std::vector<SourceFile>& files) {
  std::map<std::string, std::set<std::string>> places;
  for (const SourceFile& file : files) {
    if (file.path.extension() != ".cc") continue;
    for (const std::string& name : AnonymousNames(file.lines)) {
      places[file.module + ": " + name].insert(file.path.string());
    }
  }
  std::erase_if(places, [](const auto& place) { return place.second.size() < 2; });
  return places;
}

std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST(AnonymousNames, AreThoseOfTheNamespaceItself) {
  const std::set<std::string> names = AnonymousNames(LinesOf(R"(#include <string>

namespace lockkeeper {
namespace {

using boost::asio::ip::tcp;
using enum Color;
using Times = std::vector<int>;
__extension__ typedef unsigned __int128 Wide;

constexpr size_t kBytes = 1 << 10;  // one (of two) = {
constexpr char kText[] =
    "text";
constexpr std::array<std::pair<int, const char*>, 2> kPairs{{
    {1, "one"},
    {2, "two"},
}};
const std::map<int, std::function<int(int)>> kCalls = {{1, Call}};

struct Inner;
enum Flags : uint8_t {
  kFirst = 1,
  kSecond = 2,
};
enum class Kind : uint8_t { kOne, kTwo };

class Holder final : public Base {
 public:
  Holder() = default;
  int Get() const;

 private:
  static constexpr int kMember = 1;
};

int Holder::Get() const {
  constexpr int kLocal = 1;
  return kLocal;
}

bool Short(int v) { return v > 0; }

template <class T,
          class U>
std::map<T, std::function<void(U)>> Long(const std::string& one,
                                         const std::string& two) {
  if (one.empty()) {
    return {};
  }
  return {{one, two}};
}

std::optional<std::pair<std::string, std::string>>
NameInTheSecondLine(int v);
[[noreturn]] void Stop() { std::abort(); }
int* Pointer() { return nullptr; }
bool operator<(const Inner& a, const Inner& b);

}  // namespace

constexpr int kOutside = 1;
void Free() {}

namespace {
constexpr int kShortNamespace = 1;
}

void AlsoFree() {}

}  // namespace lockkeeper
)"));
  EXPECT_EQ(names,
            (std::set<std::string>{"Times", "Wide", "kBytes", "kText", "kPairs", "kCalls", "Inner",
                                   "Flags", "kFirst", "kSecond", "Kind", "Holder", "Short", "Long",
                                   "NameInTheSecondLine", "Stop", "Pointer", "kShortNamespace"}));
}

TEST(AnonymousNames, AreRepeatedWhenTwoFilesOfAModuleHaveThem) {
  const auto file = [](const char* module, const char* path, const char* declaration) {
    return SourceFile{module, path, {"namespace {", declaration, "}  // namespace"}};
  };
  const auto repeated = RepeatedNames({
      file("server", "a.cc", "constexpr int kSame = 1;"),
      file("server", "b.cc", "constexpr long kSame = 2;"),
      file("server", "c.h", "constexpr int kOther = 1;"),
      file("server", "d.cc", "constexpr int kOther = 1;"),
      file("zab", "e.cc", "constexpr int kOther = 1;"),
  });
  EXPECT_EQ(repeated,
            (std::map<std::string, std::set<std::string>>{{"server: kSame", {"a.cc", "b.cc"}}}));
}

TEST(AnonymousNames, AreUniqueInTheirModule) {
  const std::vector<SourceFile> files = SourceFiles();
  std::map<std::string, size_t> found;
  for (const SourceFile& file : files) found[file.module] += AnonymousNames(file.lines).size();
  EXPECT_GT(found["server"], 300u);
  for (const auto& [module, count] : found) EXPECT_GT(count, 5u) << module;

  for (const auto& [name, paths] : RepeatedNames(files)) {
    std::string places;
    for (const std::string& path : paths) places += "\n  " + path;
    ADD_FAILURE() << name << " is declared in the anonymous namespaces of" << places;
  }
}

}  // namespace
}  // namespace lockkeeper
