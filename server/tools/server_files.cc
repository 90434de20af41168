#include "server/tools/server_files.h"

#include "server/storage/epoch_files.h"

namespace lockkeeper {
namespace {

// A line with a number.
constexpr size_t kServerFileBytesMax = 4096;

Status CopyFile(FileSystem& fs, const std::string& from, const std::string& to) {
  const auto content = ReadSmallFile(fs, from, kServerFileBytesMax);
  if (!content) return content.error();
  auto file = fs.Create(to);
  if (!file) return file.error();
  if (Status written = (*file)->WriteAt(0, *content); !written) return written;
  return (*file)->Sync();
}

}  // namespace

Status CopyServerFiles(FileSystem& fs, const std::string& from_data_dir,
                       const std::string& to_data_dir) {
  const std::string epochs = "/version-2/";
  for (const std::string& name :
       {std::string("/myid"), epochs + kAcceptedEpochName, epochs + kCurrentEpochName}) {
    const auto source = fs.Stat(from_data_dir + name);
    if (!source) return source.error();
    const auto target = fs.Stat(to_data_dir + name);
    if (!target) return target.error();
    if (!source->has_value() || target->has_value()) continue;
    if (Status copied = CopyFile(fs, from_data_dir + name, to_data_dir + name); !copied) {
      return copied;
    }
  }
  if (Status synced = fs.SyncDir(to_data_dir + "/version-2"); !synced) return synced;
  return fs.SyncDir(to_data_dir);
}

Result<bool> IsMissingOrEmpty(FileSystem& fs, const std::string& dir) {
  const auto info = fs.Stat(dir);
  if (!info) return info.error();
  if (!info->has_value()) return true;
  const auto names = fs.List(dir);
  if (!names) return names.error();
  return names->empty();
}

}  // namespace lockkeeper
