#include "upstream/payload_reader.h"

#include "base/seeded_bug.h"

namespace evergate::upstream {

void payload_reader::begin() {
  if (base::seeded_bug(base::bug::stale_inflate) && inflater_) return;
  inflater_ = kind_ == proto::compression::none ? nullptr : proto::inflater::make(kind_, limits_);
}

void payload_reader::end() {
  if (!base::seeded_bug(base::bug::stale_inflate)) inflater_.reset();
}

base::result<std::optional<proto::envelope>> payload_reader::read(std::string_view message) {
  std::string_view payload = message;
  if (inflater_) {
    const auto inflated = inflater_->feed(message);
    if (!inflated) return std::unexpected(inflated.error());
    payload = *inflated;
    if (payload.empty()) return std::nullopt;
  }
  auto scanned = proto::scan_envelope(payload);
  if (!scanned) return std::unexpected(scanned.error());
  return std::optional(*scanned);
}

}  // namespace evergate::upstream
