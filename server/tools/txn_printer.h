// A transaction of the log as one line of text or as one JSON object (see printing.h).
#ifndef LOCKKEEPER_SERVER_TOOLS_TXN_PRINTER_H_
#define LOCKKEEPER_SERVER_TOOLS_TXN_PRINTER_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "server/tools/printing.h"
#include "server/tools/txn_decoder.h"

namespace lockkeeper {

// The facts in the order of ZooKeeper's TxnLogToolkit, without a line break:
//   <time> session 0x.. cxid 0x.. zxid 0x.. create /a data=5 "first" acl=[..] .. digest 2:0x..
std::string TextOfTxn(const DecodedTxn& txn);

// Every byte of the payload can be had back from it. `offset`: of the record in its file.
Json JsonOfTxn(const DecodedTxn& txn, uint64_t offset, size_t payload_bytes);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_TOOLS_TXN_PRINTER_H_
