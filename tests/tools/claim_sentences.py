"""Sentences of receptionists, sorted by whether they claim that something was done."""

CLAIMS = """
I've booked you in for Tuesday at three.
I have booked your haircut for Tuesday the 24th of November at 3 PM.
Great, I've booked that for you.
I've now booked you in.
I have just booked the appointment.
We've booked you in with Anna.
I've gone ahead and booked it.
I went ahead and booked you in for ten thirty.
I checked the calendar and booked you in at ten.
I've got you booked in for ten.
I have you booked for Friday at noon.
I've got your haircut booked for Friday.
Okay, I booked you in for Friday.
Okay Mr Baker I booked you in for Friday.
Booked!
All booked.
Done, booked for Tuesday at three.
Alright, booked in for two people.
Appointment booked!
Your appointment booked for Friday, see you then.
You're booked.
You are booked for Friday at ten.
You're all booked in for Friday.
You're now booked with Anna at half past two.
Perfect, so you're booked in for the haircut.
Okay great so you're booked in.
It's booked.
It's all booked for you.
That's booked for you, Peter.
That's you booked in for Thursday then.
It has been booked under Baker.
That's been booked for you.
Your haircut is booked.
Your haircut's booked for Tuesday.
Your haircut on Tuesday, the 24th of November, at three PM is booked.
Your haircut and your colouring are both booked.
Your appointment has been booked.
Your appointment with Anna on Friday at ten has now been successfully booked.
The haircut is booked for Saturday at three.
The appointment has been booked under the name Peter Baker.
A table for two has been booked under your name.
An appointment has been booked for you on Monday.
I can confirm that your haircut is booked.
I'm happy to say your appointment is booked.
Good news, you're booked for three.
If there's nothing else, you're all booked for Tuesday at three.
Before you go, you're all booked in.
I'll send you a text, and you're booked in for Tuesday.
Not to worry, you're booked in for three.
There's nothing else to do and your appointment is booked.
No, you're all booked in.
Consider it booked.
Both of them have been booked.
Everything has been booked for you.
Yes! I've booked it for you now.
I HAVE BOOKED YOU IN.
I\u2019ve booked you in for Tuesday.
Your appointment is confirmed.
Your appointment is now confirmed for Tuesday at three.
Your appointment's confirmed.
Your appointment on Tuesday at three has been confirmed.
Your booking for two people is confirmed.
You're confirmed for Friday at nine.
You're all set for Tuesday at three.
Great, you are now all set for Tuesday.
I've put you down for Tuesday at three.
I've put you in for three o'clock.
I have made the appointment for you.
I've made that booking for Thursday.
I've scheduled your haircut for Friday.
Your haircut is scheduled for Friday at ten.
You've been scheduled for Friday at ten.
I've reserved the three o'clock slot for you.
I have you down for Tuesday at three.
I've rebooked you for Thursday.
I was able to book you in for Tuesday at three.
I managed to book that for you.
I've managed to move your appointment to Thursday.
We were able to cancel it.
I was able to get you booked in.
I have what you wanted and you're all booked in.
Your booking has gone through.
Your booking for Tuesday is complete.
You now have an appointment on Tuesday.
I've added you to the calendar.
I've confirmed your appointment for Tuesday.
Tuesday at three, confirmed!
I've pencilled you in for Tuesday.
I've managed to squeeze you in at ten.
You're down for Tuesday at three.
I've moved your appointment to Thursday at three.
I've moved it to Thursday for you.
I moved your appointment to Thursday.
Your appointment has been moved to Thursday at three.
Your haircut is moved to Thursday.
It's been moved to Thursday.
I've rescheduled your appointment.
Your haircut has been rescheduled for Friday at four.
You're rescheduled for Friday at four.
I've changed your appointment to half past three.
I have now changed that to half past three.
I've cancelled your appointment.
I have cancelled the haircut on Tuesday.
We've cancelled that for you.
I cancelled it for you.
Your appointment is cancelled.
Your appointment on Friday has been cancelled.
Your appointment has been canceled.
Okay, that's cancelled for you.
It's cancelled.
That has been cancelled.
Cancelled!
I've called off your appointment on Friday.
I've cancelled Tuesday and booked you in for Thursday.
I've made a note of that for the staff.
I have left a note for Anna.
I've left your message with the team.
I have taken your message.
I've passed your message on to the manager.
Your message has been passed on.
I've saved your details.
I have updated your details.
I've changed your name in our records.
I've arranged a call back for tomorrow morning.
I've scheduled a call back for two o'clock.
Your call back is arranged for tomorrow.
"""

HONEST = """
Thanks for calling Willow Street Salon, this is the automated assistant. How can I help?
Shall I book it for you?
Shall I book you in for Tuesday at three?
Would you like me to book that?
Would you like it booked for three or for four?
Do you want to be booked in with Anna?
Do you have an appointment booked with us already?
Have you booked with us before?
Is it booked under your name?
Is your appointment booked for Friday?
Has it been booked already?
Have I booked the right day?
Are you booked in for Friday?
Was that cancelled by you or by us?
Did you say your appointment was cancelled?
Were you booked with Anna?
Once it is booked you will get a text.
Once I've booked it, you will get a text message.
As soon as your appointment is booked, I'll tell you.
When I have booked it, I'll read it back to you.
If I've booked the wrong day, just say so.
If it is cancelled less than a day before, we charge half.
After it has been moved you can't move it again.
Before I have booked anything, may I take your name?
Until your appointment is confirmed, nothing is fixed.
I'll book that now, one moment.
I wasn't able to book that.
I was not able to book you in.
I couldn't manage to move it.
I'm able to book you in on Friday.
I'll be able to book you in on Friday.
I've confirmed that we're open on Friday.
I've confirmed with Anna that she works on Friday.
Once confirmed, you will get a text.
The price is confirmed by the stylist.
How would you like to be confirmed, by text or by email?
I'll have that booked in a second.
I will get you booked in.
I can book you in for Tuesday.
I can get you booked in for Tuesday.
I could have you booked in by three.
You'll be booked in with Anna.
You can be booked in for Friday.
It would be booked under your name.
It can be cancelled up to a day before.
It will be moved to Thursday.
Let me get that booked for you.
Let me book that for you.
Let me check whether it's booked.
Let me make sure your appointment is booked.
Let me see if it has been cancelled.
I'm going to have it booked for three.
I'm booking that for you now.
I'm just about to book it.
I haven't booked anything yet.
I have not booked it yet.
I've not yet booked you in.
I could not get it booked.
It isn't booked yet.
It has not been booked.
It hasn't been cancelled.
That is not booked yet.
Your appointment has not been booked.
Your appointment is not cancelled.
Your appointment is not yet confirmed.
Nothing has been booked.
Nothing has been changed.
No appointment has been booked under that name.
Neither of them has been cancelled.
I don't think it's booked.
I can't see that you're booked for Friday.
I'm afraid I can't say that it's been cancelled.
I don't see that your appointment has been moved.
I'm sorry, I was too quick: that is not done yet. Shall I do it now?
I'm sorry, that did not work. What would you like to do instead?
I'm sorry, I can't tell yet whether that worked.
I could not confirm whether that went through.
Ten o'clock is booked.
The ten o'clock is booked.
The slot at three has been booked by someone else.
The three o'clock slot is booked, I'm afraid.
That slot is already booked.
That time is booked already.
That day is fully booked.
I'm afraid that's booked.
I'm sorry, that's already booked.
Monday is booked out.
We're fully booked on Monday.
We are booked up until Thursday.
All our chairs are booked at that time.
Anna is booked until four.
Tuesday at three is already taken.
3 PM on Tuesday the 24th of November is already taken. I could offer 2 PM or 4 PM.
The afternoon is nearly all booked.
Booked appointments can be moved up to a day before.
Appointments that are cancelled late are charged.
Appointments are booked in steps of half an hour.
Cancelled appointments cost nothing.
Everything that is booked can be moved.
You can see what's booked on our website.
The appointment you booked last week is on Friday.
You said you booked it online.
You said your appointment was cancelled.
You mentioned that it had been moved.
You wanted it moved to Thursday, is that right?
You'd like your haircut moved to Thursday?
So you want the appointment cancelled?
What would you like to have booked?
How was it booked, online or by phone?
We've moved to King Street.
We moved to a new place last year.
We've moved on to winter hours.
We've cancelled our late opening on Thursdays.
We have changed our prices.
We've changed the music in the salon.
I'll book an appointment: haircut, on Saturday the twenty-first of November, at three p m.
Let me check. I'll cancel your appointment: on Friday. Is that right?
There is an appointment free at three.
You can choose haircut, colouring or a child's cut.
What day would suit you?
Goodbye, and see you soon.
I'd be happy to get that rescheduled for you.
To cancel it, I need your name.
I need the date before it can be cancelled.
Please tell me when you would like it moved to.
It's best to have it booked early.
We ask that appointments are cancelled a day ahead.
That can easily be changed.
Why was it cancelled?
I understand it was cancelled without you being told.
Imagine it's booked and then you can't come.
Can I ask that you're booked under your own name?
May I take a message for our staff?
I can take a message and have it passed on.
I'll leave them a note.
I'll arrange a call back for tomorrow.
Would you like a call back to be arranged?
You're welcome.
All right.
"""

STANDING = """
You are booked for Friday at ten.
You're booked in with Anna on Friday.
Your haircut is booked for Tuesday the 24th of November.
I have you booked for Friday at noon.
I have an appointment booked for you on Friday.
I have you down for Friday at ten.
Your appointment on Friday is confirmed.
Your haircut is scheduled for Friday at ten.
"""
"""How things stand: claims, unless appointments were looked up."""


def lines(text: str) -> list[str]:
    return text.strip().splitlines()
