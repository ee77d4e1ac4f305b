#include "journal/checkpoint.h"

#include "journal/document_codec.h"

namespace evergate::journal {

checkpoint make_checkpoint(mirror& from, const checkpoint_request& wanted, int level) {
  checkpoint out;
  out.guild = wanted.guild;
  out.as_of = wanted.as_of;
  auto image = from.load(wanted.guild, wanted.as_of);
  if (!image) {
    out.state = guild_state::unavailable;
    out.failure = image.error().text();
    return out;
  }
  out.as_of = image->as_of;
  out.state = image->state;
  out.reconcile = image->reconcile;
  if (!image->document.present()) return out;
  std::string text;
  image->document.write(text);
  out.raw_bytes = static_cast<std::uint32_t>(text.size());
  out.compressed = compressed(text, level);
  return out;
}

}  // namespace evergate::journal
