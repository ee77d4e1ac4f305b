#include "net/http_client.h"
#include <curl/curl.h>
#include <thread>
#include <fmt/format.h>
#include <mutex>
#include <vector>
#include "net/errc.h"
namespace evergate::net {
struct http_client::state { std::vector<std::thread> ts; std::mutex m; ~state(){ for(auto&t:ts) t.join(); } };
http_client::http_client(http_client_options) : state_(std::make_shared<state>()) {}
http_client::~http_client() = default;
static size_t put(char*p,size_t s,size_t n,void*u){ static_cast<std::string*>(u)->append(p,s*n); return s*n; }
void http_client::fetch(event_loop& loop, request what, std::move_only_function<void(base::result<http_response>)> done){
  std::scoped_lock l(state_->m);
  state_->ts.emplace_back([&loop, what=std::move(what), done=std::move(done)]() mutable {
    CURL* c=curl_easy_init(); http_response r; curl_slist* h=nullptr;
    for(auto&x:what.headers) h=curl_slist_append(h,(x.name+": "+x.value).c_str());
    curl_easy_setopt(c,CURLOPT_URL,what.url.c_str()); curl_easy_setopt(c,CURLOPT_HTTPHEADER,h); curl_easy_setopt(c,CURLOPT_NOSIGNAL,1L);
    curl_easy_setopt(c,CURLOPT_WRITEFUNCTION,put); curl_easy_setopt(c,CURLOPT_WRITEDATA,&r.body);
    auto rc=curl_easy_perform(c); long st=0; curl_easy_getinfo(c,CURLINFO_RESPONSE_CODE,&st); r.status=unsigned(st);
    curl_slist_free_all(h); curl_easy_cleanup(c);
    loop.post([rc,r=std::move(r),done=std::move(done)]() mutable { if(rc!=CURLE_OK) done(base::fail(errc::connect_failed,"x")); else done(std::move(r)); });
  });
}
}
