// `lockkeeper snapshot dump`: what a ZooKeeper snapshot holds.
#ifndef LOCKKEEPER_SERVER_TOOLS_SNAPSHOT_DUMP_H_
#define LOCKKEEPER_SERVER_TOOLS_SNAPSHOT_DUMP_H_

#include <string>

#include "protocol/result.h"
#include "server/storage/file_system.h"
#include "server/storage/snapshot_reader.h"
#include "server/tools/line_sink.h"

namespace lockkeeper {

struct SnapshotDumpOptions {
  bool json = false;
  bool data = false;  // text: the data as base64 instead of its length
  SnapshotLimits limits;
};

// Text in the form of ZooKeeper's SnapshotFormatter, with the ACL of each znode added; or JSON, an
// object a line, from which nothing of the content is missing. Znodes in the order of the file.
//
// The file is read twice: first to check it, then to show it. If it is damaged, what stands before
// the damage is shown all the same, and the error returned. Stops early, with OK, when the sink
// takes no more.
// Memory: sessions and distinct ACLs.
Status DumpSnapshot(FileSystem& fs, const std::string& path, const SnapshotDumpOptions& options,
                    const LineSink& sink);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_TOOLS_SNAPSHOT_DUMP_H_
