/** Do nothing: Gson leaves out what is null, unless `serializeNulls()` was called. */
fun leaveOutNulls() = Unit

/** Each walk has a customer of its own, whose concerns are counted afterwards. */
const val PHONE = "912 345 671"
