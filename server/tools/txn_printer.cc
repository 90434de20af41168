#include "server/tools/txn_printer.h"

#include <cctype>
#include <type_traits>
#include <utility>
#include <vector>

#include "protocol/op_code.h"
#include "protocol/print.h"
#include "server/base64.h"

namespace lockkeeper {
namespace {

// parent_cversion -> parentCversion
std::string CamelCase(std::string_view name) {
  std::string out;
  bool upper = false;
  for (const char c : name) {
    if (c == '_') {
      upper = true;
    } else {
      out.push_back(upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c);
      upper = false;
    }
  }
  return out;
}

std::string ValueText(bool v) { return v ? "true" : "false"; }
std::string ValueText(int32_t v) { return std::to_string(v); }
std::string ValueText(int64_t v) { return std::to_string(v); }
std::string ValueText(const JuteVector<Acl>& v) { return AclText(v); }
std::string ValueText(const JuteVector<std::string_view>& v) {
  if (!v) return "null";
  std::string out = "[";
  for (const std::string_view item : *v) {
    if (out.size() > 1) out += ", ";
    out += PathText(item);
  }
  return out + "]";
}

// The path stands for itself, as in ZooKeeper's tools; everything else has its name.
template <class T>
std::string FieldText(std::string_view name, const T& value) {
  if constexpr (std::is_same_v<T, std::string_view>) {
    return name == "path" ? PathText(value) : CamelCase(name) + "=" + DataText(value);
  } else {
    return CamelCase(name) + "=" + ValueText(value);
  }
}

template <Record R>
std::string BodyText(const R& record) {
  std::string out;
  std::apply(
      [&](const auto&... field) {
        ((out += " ",
          out += FieldText<std::remove_cvref_t<decltype(field.value)>>(field.name, field.value)),
         ...);
      },
      R::Fields(record));
  return out;
}
std::string BodyText(const ErrorTxn& error) {
  return " " + std::to_string(error.err) + " " + std::string(ErrorName(error.err));
}

std::string SurplusText(std::string_view surplus) {
  return surplus.empty() ? "" : " surplus=" + DataText(surplus);
}

std::string OpText(const DecodedOp& op) {
  return TxnTypeName(op.type) + std::visit(
                                    [&](const auto& body) -> std::string {
                                      using Body = std::decay_t<decltype(body)>;
                                      if constexpr (std::is_same_v<Body, UnreadableBody>) {
                                        return " unreadable=" + DataText(op.bytes);
                                      } else {
                                        return BodyText(body);
                                      }
                                    },
                                    op.body);
}

std::string ElementsText(const std::vector<DecodedOp>& elements) {
  std::string out = "multi " + std::to_string(elements.size()) + " {";
  for (const DecodedOp& op : elements) {
    if (&op != &elements.front()) out += "; ";
    out += OpText(op);
    if (!std::holds_alternative<UnreadableBody>(op.body)) out += SurplusText(op.surplus);
  }
  return out + "}";
}

Json ValueJson(bool v) { return v; }
Json ValueJson(int32_t v) { return v; }
Json ValueJson(int64_t v) { return v; }
Json ValueJson(const JuteVector<Acl>& v) { return AclJson(v); }
Json ValueJson(const JuteVector<std::string_view>& v) {
  if (!v) return nullptr;
  Json list = Json::array();
  for (const std::string_view item : *v) list.push_back(StringJson(item));
  return list;
}

template <class T>
Json FieldJson(std::string_view name, const T& value) {
  if constexpr (std::is_same_v<T, std::string_view>) {
    return name == "path" ? StringJson(value) : DataJson(value);
  } else {
    return ValueJson(value);
  }
}

template <Record R>
void AddFields(const R& record, Json* json) {
  std::apply(
      [&](const auto&... field) {
        (((*json)[CamelCase(field.name)] =
              FieldJson<std::remove_cvref_t<decltype(field.value)>>(field.name, field.value)),
         ...);
      },
      R::Fields(record));
}

// An old create lacks "parentCversion", a closeSession without body "pathsToDelete".
void AddOp(const DecodedOp& op, Json* json) {
  (*json)["type"] = op.type;
  (*json)["op"] = TxnTypeName(op.type);
  std::visit(
      [&](const auto& body) {
        using Body = std::decay_t<decltype(body)>;
        if constexpr (std::is_same_v<Body, UnreadableBody>) {
          (*json)["unreadable"] = DataJson(op.bytes);
        } else {
          AddFields(body, json);
        }
        if constexpr (std::is_same_v<Body, ErrorTxn>) (*json)["errName"] = ErrorName(body.err);
      },
      op.body);
}

Json ElementsJson(const std::vector<DecodedOp>& elements) {
  Json list = Json::array();
  for (const DecodedOp& op : elements) {
    Json element;
    AddOp(op, &element);
    const bool readable = !std::holds_alternative<UnreadableBody>(op.body);
    if (readable && !op.surplus.empty()) element["surplus"] = Base64(op.surplus);
    list.push_back(std::move(element));
  }
  return list;
}

}  // namespace

std::string TextOfTxn(const DecodedTxn& txn) {
  const TxnHeader& header = txn.header;
  // cxid in 32 bits, as ZooKeeper's tools print it.
  std::string out = IsoTime(header.time) + " session " + Hex(header.client_id) + " cxid " +
                    Hex(static_cast<uint32_t>(header.cxid)) + " zxid " + Hex(header.zxid) + " ";
  out += txn.elements ? ElementsText(*txn.elements) : OpText(txn.op);
  if (txn.digest) {
    out += " digest " + std::to_string(txn.digest->version) + ":" + Hex(txn.digest->tree_digest);
  }
  return out + SurplusText(txn.surplus);
}

Json JsonOfTxn(const DecodedTxn& txn, uint64_t offset, size_t payload_bytes) {
  const TxnHeader& header = txn.header;
  Json json{{"kind", "txn"},           {"offset", offset},
            {"length", payload_bytes}, {"time", IsoTime(header.time)},
            {"timeMs", header.time},   {"session", Hex(header.client_id)},
            {"cxid", header.cxid},     {"zxid", Hex(header.zxid)}};
  if (txn.elements) {
    json["type"] = header.type;
    json["op"] = TxnTypeName(header.type);
    json["elements"] = ElementsJson(*txn.elements);
  } else {
    AddOp(txn.op, &json);
  }
  if (txn.digest) {
    json["digest"] =
        Json{{"version", txn.digest->version}, {"value", Hex(txn.digest->tree_digest)}};
  }
  if (!txn.surplus.empty()) json["surplus"] = Base64(txn.surplus);
  return json;
}

}  // namespace lockkeeper
