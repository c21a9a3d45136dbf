/** Do nothing: Gson leaves out what is null, unless `serializeNulls()` was called. */
fun leaveOutNulls() = Unit
