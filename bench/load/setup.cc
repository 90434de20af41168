#include "bench/load/setup.h"

#include <memory>

#include "bench/load/session_group.h"
#include "protocol/error_code.h"

namespace lockkeeper::load {
namespace {

constexpr int kSessionTimeoutMs = 30'000;

class Maker final : public Session {
 public:
  explicit Maker(SessionGroup* group) : Session(group->io(), group->owner()), group_(group) {}

  void Make(const std::vector<std::string>& paths) {
    for (const std::string& path : paths) {
      Request(OpCode::kCreate, CreateRequest{path, EmptyString(), OpenAcl(), 0});
    }
    Flush();
  }

 private:
  void OnReply(const ReplyHeader& header, std::string_view /*body*/, TimePoint /*now*/) override {
    if (header.err != 0 && header.err != static_cast<int32_t>(ErrorCode::kNodeExists)) {
      return Fail("a znode could not be created: error " + std::to_string(header.err));
    }
    if (in_flight() == 0) group_->Stop();
  }

  SessionGroup* const group_;
};

}  // namespace

const JuteVector<Acl>& OpenAcl() {
  static const JuteVector<Acl> acl(std::vector<Acl>{{kPermAll, {"world", "anyone"}}});
  return acl;
}

Status MakeZnodes(const boost::asio::ip::tcp::endpoint& server,
                  const std::vector<std::string>& paths) {
  SessionGroup group({server}, kSessionTimeoutMs);
  auto owned = std::make_unique<Maker>(&group);
  Maker* const maker = owned.get();
  group.Add(std::move(owned));
  if (Status opened = group.Open(); !opened) return opened;
  maker->Make(paths);
  if (Status made = group.Run(); !made) return made;
  return group.Close();
}

}  // namespace lockkeeper::load
