#include "downstream/client_frame.h"

#include "downstream/errc.h"
#include "proto/json_view.h"

namespace evergate::downstream {

base::result<client_frame> client_frame_reader::read(std::string_view text) {
  // The document is parsed whole because parts of it travel on to Discord, which would close our shard for
  // a bad literal that a structural walk lets through.
  simdjson::dom::element root;
  const auto failure = parser_.parse(text.data(), text.size(), true).get(root);
  if (failure != simdjson::SUCCESS) return base::fail(errc::bad_frame, "message is not valid JSON");
  if (!root.is_object()) return base::fail(errc::bad_frame, "message is not a JSON object");
  const auto op = proto::integer_of(proto::member(text, "op"));
  if (!op) return base::fail(errc::bad_frame, "op is not an integer");
  if (*op < 0 || *op > 1000) return base::fail(errc::bad_frame, "op is out of range, allowed 0 to 1000");
  return client_frame{static_cast<int>(*op), proto::member(text, "d")};
}

}  // namespace evergate::downstream
