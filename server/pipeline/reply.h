// Reply and event frames: length, header, body, appended to a buffer.
#ifndef LOCKKEEPER_SERVER_PIPELINE_REPLY_H_
#define LOCKKEEPER_SERVER_PIPELINE_REPLY_H_

#include <string>
#include <string_view>

#include "datatree/data_tree.h"
#include "protocol/error_code.h"
#include "protocol/jute.h"
#include "protocol/op_code.h"
#include "protocol/records.h"
#include "protocol/request.h"
#include "protocol/types.h"

namespace lockkeeper {

// Appends one frame; the length is filled in by Finish, or by the destructor.
class FrameWriter {
 public:
  explicit FrameWriter(std::string* out) : out_(out), start_(out->size()) { out->append(4, '\0'); }
  ~FrameWriter() {
    StoreInt(static_cast<int32_t>(out_->size() - start_ - 4), out_->data() + start_);
  }
  FrameWriter(const FrameWriter&) = delete;
  FrameWriter& operator=(const FrameWriter&) = delete;

  template <Record R>
  FrameWriter& Add(const R& record) {
    Encode(record, out_);
    return *this;
  }
  void AddRaw(std::string_view bytes) { out_->append(bytes); }
  std::string* out() { return out_; }

 private:
  std::string* out_;
  size_t start_;
};

inline void WriteHeaderOnly(int32_t xid, Zxid zxid, ErrorCode error, std::string* out) {
  FrameWriter(out).Add(ReplyHeader{xid, zxid.value, static_cast<int32_t>(error)});
}

void WriteEvent(Zxid zxid, EventType type, std::string_view path, std::string* out);

// Answer to a ConnectRequest. `session` 0: refused. The readOnly byte is written only for clients
// that sent one (client-protocol 2.1).
void WriteConnectResponse(SessionId session, int32_t timeout_ms, bool with_read_only,
                          std::string* out);

// Which elements of a multi ask for create2, by place; empty if none does, and for other requests.
// Its transaction may not tell (PrepareRules::no_create2_in_multi).
std::vector<bool> Create2Elements(const RequestBody& request);

// The reply to a write, from what applying its transaction did. `op` is the request's, `create2`
// its Create2Elements.
void WriteWriteReply(int32_t xid, OpCode op, const ApplyOutcome& outcome, std::string* out,
                     const std::vector<bool>& create2 = {});

// The header that ends the results of a multi or multiRead.
inline constexpr MultiHeader kMultiEnd{-1, true, -1};

// The answer to sync.
void WriteSyncReply(int32_t xid, Zxid zxid, std::string_view path, std::string* out);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_PIPELINE_REPLY_H_
