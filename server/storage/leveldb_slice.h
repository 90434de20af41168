// LevelDB's views of bytes and ours.
#ifndef LOCKKEEPER_SERVER_STORAGE_LEVELDB_SLICE_H_
#define LOCKKEEPER_SERVER_STORAGE_LEVELDB_SLICE_H_

#include <leveldb/slice.h>

#include <string_view>

namespace lockkeeper {

inline std::string_view ViewOf(const leveldb::Slice& slice) { return {slice.data(), slice.size()}; }
inline leveldb::Slice SliceOf(std::string_view view) { return {view.data(), view.size()}; }

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_STORAGE_LEVELDB_SLICE_H_
