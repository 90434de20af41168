// Jute, ZooKeeper's wire encoding (client-protocol 1): big-endian, no tags, no padding.
//
// A record is a struct with one static `Fields` function that lists its fields in wire order; that
// list drives encoding, decoding, equality, printing and the property tests:
//
//   struct DeleteRequest {
//     std::string_view path;
//     int32_t version = -1;
//     template <class Self>
//     static auto Fields(Self& r) {
//       return std::tuple(Field("path", r.path), Field("version", r.version));
//     }
//   };
//
// Null: a string_view whose data() is nullptr is jute's null (length -1); an empty one with a
// non-null data() is the empty string. Vectors are std::optional<std::vector<T>>, nullopt = null.
//
// Lifetime: decoded string_views point into the bytes given to the reader; nothing is copied.
#ifndef LOCKKEEPER_PROTOCOL_JUTE_H_
#define LOCKKEEPER_PROTOCOL_JUTE_H_

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace lockkeeper {

// One field of a record: its name, for printing, and a reference to it.
template <class T>
struct Field {
  std::string_view name;
  T& value;
  Field(std::string_view n, T& v) : name(n), value(v) {}
};

template <class R>
concept Record = requires(R& r) {
  std::remove_const_t<R>::Fields(r);
};

template <class T>
using JuteVector = std::optional<std::vector<T>>;

inline bool IsNull(std::string_view s) { return s.data() == nullptr; }
inline std::string_view EmptyString() { return {"", 0}; }  // NOLINT: unlike {}, not null

namespace jute_internal {
template <std::integral T>
T FromBigEndian(const char* p) {
  using U = std::make_unsigned_t<T>;
  U u;
  std::memcpy(&u, p, sizeof u);
  if constexpr (std::endian::native == std::endian::little) {
    u = sizeof(T) == 8 ? static_cast<U>(__builtin_bswap64(static_cast<uint64_t>(u)))
                       : static_cast<U>(__builtin_bswap32(static_cast<uint32_t>(u)));
  }
  return static_cast<T>(u);
}
template <std::integral T>
void ToBigEndian(T value, char* p) {
  using U = std::make_unsigned_t<T>;
  U u = static_cast<U>(value);
  if constexpr (std::endian::native == std::endian::little) {
    u = sizeof(T) == 8 ? static_cast<U>(__builtin_bswap64(static_cast<uint64_t>(u)))
                       : static_cast<U>(__builtin_bswap32(static_cast<uint32_t>(u)));
  }
  std::memcpy(p, &u, sizeof u);
}

template <class T>
constexpr size_t FixedBytes();
template <class Fields>
inline constexpr size_t kFixedBytesOf = 0;
template <class... T>
inline constexpr size_t kFixedBytesOf<std::tuple<Field<T>...>> =
    ((FixedBytes<std::remove_const_t<T>>() > 0) && ...)
        ? (FixedBytes<std::remove_const_t<T>>() + ... + 0)
        : 0;
// The bytes of any T on the wire; 0 if they are not always the same.
template <class T>
constexpr size_t FixedBytes() {
  if constexpr (std::integral<T>) {
    return sizeof(T);
  } else if constexpr (Record<T>) {
    return kFixedBytesOf<decltype(T::Fields(std::declval<T&>()))>;
  } else {
    return 0;
  }
}

// The bytes of this value on the wire.
inline size_t WireBytes(std::string_view s) { return sizeof(int32_t) + s.size(); }
template <std::integral T>
size_t WireBytes(T) {
  return sizeof(T);
}
template <class T>
size_t WireBytes(const JuteVector<T>& v);
template <Record R>
size_t WireBytes(const R& record) {
  if constexpr (FixedBytes<R>() > 0) return FixedBytes<R>();
  return std::apply([](const auto&... field) { return (WireBytes(field.value) + ... + 0); },
                    R::Fields(record));
}
template <class T>
size_t WireBytes(const JuteVector<T>& v) {
  size_t bytes = sizeof(int32_t);
  if (!v) return bytes;
  for (const T& item : *v) bytes += WireBytes(item);
  return bytes;
}
}  // namespace jute_internal

inline int32_t LoadInt(const char* p) { return jute_internal::FromBigEndian<int32_t>(p); }
inline int64_t LoadLong(const char* p) { return jute_internal::FromBigEndian<int64_t>(p); }
inline void StoreInt(int32_t v, char* p) { jute_internal::ToBigEndian(v, p); }

// Appends encoded values to a string.
class JuteWriter {
 public:
  explicit JuteWriter(std::string* out) : out_(*out) {}

  void Write(bool v) { out_.push_back(v ? 1 : 0); }
  void Write(int32_t v) { WriteRaw(v); }
  void Write(int64_t v) { WriteRaw(v); }
  void Write(std::string_view s) {
    if (IsNull(s)) return Write(int32_t{-1});
    Write(static_cast<int32_t>(s.size()));
    out_.append(s);
  }
  template <class T>
  void Write(const JuteVector<T>& v) {
    if (!v) return Write(int32_t{-1});
    Write(static_cast<int32_t>(v->size()));
    for (const T& item : *v) Write(item);
  }
  template <Record R>
  void Write(const R& record) {
    constexpr size_t kBytes = jute_internal::FixedBytes<R>();
    if constexpr (kBytes > 0) {  // one append instead of one for each field
      char bytes[kBytes];
      char* end = bytes;
      Store(record, &end);
      out_.append(bytes, kBytes);
    } else {
      std::apply([this](const auto&... field) { (this->Write(field.value), ...); },
                 R::Fields(record));
    }
  }

 private:
  template <class T>
  static void Store(const T& v, char** end) {
    if constexpr (std::same_as<T, bool>) {
      *(*end)++ = v ? 1 : 0;
    } else if constexpr (std::integral<T>) {
      jute_internal::ToBigEndian(v, *end);
      *end += sizeof v;
    } else {
      std::apply([end](const auto&... field) { (Store(field.value, end), ...); }, T::Fields(v));
    }
  }
  template <std::integral T>
  void WriteRaw(T v) {
    char bytes[sizeof v];
    jute_internal::ToBigEndian(v, bytes);
    out_.append(bytes, sizeof bytes);
  }
  std::string& out_;
};

// Decodes values in place. After the first failure every Read does nothing and ok() is false.
class JuteReader {
 public:
  explicit JuteReader(std::string_view bytes) : rest_(bytes) {}

  bool ok() const { return ok_; }
  std::string_view rest() const { return rest_; }

  void Read(bool& v) {
    if (const char* p = Take(1)) v = *p != 0;
  }
  void Read(int32_t& v) { ReadRaw(v); }
  void Read(int64_t& v) { ReadRaw(v); }
  void Read(std::string_view& s) {
    int32_t length = 0;
    Read(length);
    if (!ok_) return;
    if (length == -1) {
      s = {};
    } else if (length < 0) {
      Fail();
    } else if (const char* p = Take(static_cast<size_t>(length))) {
      s = length == 0 ? EmptyString() : std::string_view(p, static_cast<size_t>(length));
    }
  }
  // A count below -1 is an empty vector; nothing is reserved by the count (client-protocol 1.2).
  template <class T>
  void Read(JuteVector<T>& v) {
    int32_t count = 0;
    Read(count);
    v.reset();
    if (!ok_ || count == -1) return;
    v.emplace();
    for (int32_t i = 0; i < count && ok_; ++i) {
      T item{};
      Read(item);
      if (ok_) v->push_back(std::move(item));
    }
  }
  template <Record R>
  void Read(R& record) {
    std::apply([this](const auto&... field) { (this->Read(field.value), ...); }, R::Fields(record));
  }

 private:
  const char* Take(size_t n) {
    if (!ok_ || n > rest_.size()) {
      Fail();
      return nullptr;
    }
    const char* p = rest_.data();
    rest_.remove_prefix(n);
    return p;
  }
  template <std::integral T>
  void ReadRaw(T& v) {
    if (const char* p = Take(sizeof v)) v = jute_internal::FromBigEndian<T>(p);
  }
  void Fail() { ok_ = false; }

  std::string_view rest_;
  bool ok_ = true;
};

template <Record R>
void Encode(const R& record, std::string* out) {
  JuteWriter(out).Write(record);
}
template <Record R>
std::string Encoded(const R& record) {
  std::string out;
  out.reserve(jute_internal::WireBytes(record));
  Encode(record, &out);
  return out;
}
// nullopt: truncated or malformed. Bytes after the last field are left in the reader.
template <Record R>
std::optional<R> Decode(JuteReader& in) {
  R record{};
  in.Read(record);
  if (!in.ok()) return std::nullopt;
  return record;
}
template <Record R>
std::optional<R> Decode(std::string_view bytes) {
  JuteReader in(bytes);
  return Decode<R>(in);
}

// Wire equality: unlike ==, tells null from empty.
inline bool SameOnWire(std::string_view a, std::string_view b) {
  return IsNull(a) == IsNull(b) && a == b;
}
template <std::integral T>
bool SameOnWire(T a, T b) {
  return a == b;
}
template <class T>
bool SameOnWire(const JuteVector<T>& a, const JuteVector<T>& b);
template <Record R>
bool SameOnWire(const R& a, const R& b) {
  const auto fa = R::Fields(a);
  const auto fb = R::Fields(b);
  return [&]<size_t... I>(std::index_sequence<I...>) {
    return (SameOnWire(std::get<I>(fa).value, std::get<I>(fb).value) && ...);
  }
  (std::make_index_sequence<std::tuple_size_v<decltype(fa)>>());
}
template <class T>
bool SameOnWire(const JuteVector<T>& a, const JuteVector<T>& b) {
  if (a.has_value() != b.has_value()) return false;
  if (!a) return true;
  if (a->size() != b->size()) return false;
  for (size_t i = 0; i < a->size(); ++i) {
    if (!SameOnWire((*a)[i], (*b)[i])) return false;
  }
  return true;
}

}  // namespace lockkeeper

#endif  // LOCKKEEPER_PROTOCOL_JUTE_H_
